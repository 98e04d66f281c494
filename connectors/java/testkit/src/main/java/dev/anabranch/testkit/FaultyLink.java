package dev.anabranch.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A way to a broker that a test can make silent or slow, or cut. It forwards connections; what the
 * broker tells its clients to connect to is the link again.
 */
public final class FaultyLink implements AutoCloseable {
  private static final int CONNECT_LIMIT_MS = 5_000;

  private final ServerSocket listener;
  private final int target;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private volatile Mode mode = Mode.OPEN;
  private volatile long delayMs;

  private enum Mode {
    OPEN,
    /** Takes connections and requests; nothing goes on, in either direction, and never will. */
    SILENT,
    /** Takes no connection. */
    CUT
  }

  FaultyLink(int port, int target) {
    this.target = target;
    try {
      this.listener = new ServerSocket(port, 64, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    daemon("accept", this::accept);
  }

  /** Where clients connect to. */
  public String bootstrap() {
    return "127.0.0.1:" + listener.getLocalPort();
  }

  /** Forwards again. Connections that lost something meanwhile are gone, as after a reboot. */
  public void open() {
    delayMs = 0;
    Mode before = mode;
    mode = Mode.OPEN;
    if (before == Mode.SILENT) {
      disconnect();
    }
  }

  /** From now on connects and takes all that is sent, but swallows it: a black hole. */
  public void silence() {
    mode = Mode.SILENT;
  }

  /** Ends all connections, and each new one at once. */
  public void cut() {
    mode = Mode.CUT;
    disconnect();
  }

  /** From now on each piece of an answer, of up to 64 KiB, comes so much later. */
  public void slow(Duration delay) {
    delayMs = delay.toMillis();
  }

  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    disconnect();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        if (mode == Mode.CUT) {
          client.close();
          continue;
        }
        sockets.add(client);
        daemon("connect", () -> forward(client));
      } catch (IOException e) {
        // Closed, or the client is gone already.
      }
    }
  }

  private void forward(Socket client) {
    try (client;
        Socket broker = new Socket()) {
      broker.connect(
          new InetSocketAddress(InetAddress.getLoopbackAddress(), target), CONNECT_LIMIT_MS);
      client.setTcpNoDelay(true);
      broker.setTcpNoDelay(true);
      sockets.add(broker);
      Thread requests = daemon("requests", () -> pump(client, broker, false));
      pump(broker, client, true);
      requests.join();
      sockets.remove(broker);
    } catch (IOException e) {
      // The broker is down: the client sees a connection that ends at once.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      sockets.remove(client);
    }
  }

  private void pump(Socket from, Socket to, boolean answers) {
    byte[] buffer = new byte[1 << 16];
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        if (answers && delayMs > 0) {
          Thread.sleep(delayMs);
        }
        if (mode == Mode.OPEN) {
          out.write(buffer, 0, read);
        }
      }
    } catch (IOException e) {
      // One side is gone; the other one follows.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      end(from);
      end(to);
    }
  }

  private void disconnect() {
    sockets.forEach(FaultyLink::end);
  }

  private static void end(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is gone, which is what was wanted.
    }
  }

  private static Thread daemon(String what, Runnable work) {
    Thread thread = new Thread(work, "faulty-link-" + what);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
