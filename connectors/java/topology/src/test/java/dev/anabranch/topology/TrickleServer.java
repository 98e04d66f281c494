package dev.anabranch.topology;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * Answers each request with the beginning of an answer, in which {@code %s} says that the
 * connection is closed if that was asked for, and then a byte now and then.
 */
final class TrickleServer implements AutoCloseable {
  /** Ten seconds' worth, so that who waits for the end fails rather than hangs. */
  private static final int BYTES = 500;

  volatile boolean hungUp;

  private final String head;
  private final ServerSocket listener;

  TrickleServer(String head) throws IOException {
    this.head = head;
    this.listener = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
    Thread thread = new Thread(this::serve, "trickle");
    thread.setDaemon(true);
    thread.start();
  }

  String url() {
    return "http://127.0.0.1:" + listener.getLocalPort() + "/topology.yaml";
  }

  private void serve() {
    while (!listener.isClosed()) {
      try (Socket socket = listener.accept()) {
        OutputStream out = socket.getOutputStream();
        String close = closes(socket) ? "Connection: close\r\n" : "";
        out.write(head.formatted(close).getBytes(StandardCharsets.US_ASCII));
        for (int i = 0; i < BYTES && !listener.isClosed(); i++) {
          out.write('0');
          Thread.sleep(20);
        }
      } catch (IOException e) {
        hungUp = true;
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private static boolean closes(Socket socket) throws IOException {
    BufferedReader request =
        new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
    boolean closes = false;
    for (String line = request.readLine();
        line != null && !line.isEmpty();
        line = request.readLine()) {
      closes |= line.equals("Connection: close");
    }
    return closes;
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
