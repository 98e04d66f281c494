package dev.anabranch.testkit;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Ports that nobody else takes while the process that they are for is down, in no test JVM of this
 * machine: whoever holds the first port of a block owns the others.
 *
 * <p>They are below the range from which the system takes ports of outgoing connections: there a
 * client that tries a dead broker could take the port for itself, or even connect to itself.
 */
final class PortBlock implements AutoCloseable {
  private static final int FIRST = 15_000;

  /** Where the ports of the development loops begin. */
  private static final int LAST = 20_000;

  private final ServerSocket guard;

  private PortBlock(ServerSocket guard) {
    this.guard = guard;
  }

  static PortBlock claim(int ports) throws IOException {
    int size = ports + 1;
    for (int tries = 0; tries < 1_000; tries++) {
      int block = ThreadLocalRandom.current().nextInt((LAST - FIRST) / size);
      ServerSocket guard = bindOrNull(FIRST + block * size);
      if (guard != null) {
        PortBlock claimed = new PortBlock(guard);
        if (claimed.isFree(ports)) {
          return claimed;
        }
        guard.close();
      }
    }
    throw new IOException("no " + size + " free ports between " + FIRST + " and " + LAST);
  }

  /**
   * A port of the block.
   *
   * @param index from 0
   */
  int port(int index) {
    return guard.getLocalPort() + 1 + index;
  }

  private boolean isFree(int ports) throws IOException {
    for (int index = 0; index < ports; index++) {
      ServerSocket probe = bindOrNull(port(index));
      if (probe == null) {
        return false;
      }
      probe.close();
    }
    return true;
  }

  private static @Nullable ServerSocket bindOrNull(int port) throws IOException {
    try {
      return new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
    } catch (BindException e) {
      return null;
    }
  }

  @Override
  public void close() throws IOException {
    guard.close();
  }
}
