package dev.anabranch.azureblob;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;

/**
 * By sockets over TLS and nothing else, as many as the others have requests in flight: what the
 * server and the machine can do, beside which all others are to be seen.
 */
final class BareWorkload implements BlobWorkload {
  private static final int BUFFER = 64 * 1024;

  private final SSLContext tls;
  private final int port;
  private final BenchSizes sizes;
  private final int blockBytes;
  private final ExecutorService threads;
  private final Deque<Connection> idle = new ArrayDeque<>();
  private final byte[] junk = new byte[BUFFER];

  BareWorkload(SSLContext tls, int port, BenchSizes sizes, int blockBytes, int parallelism) {
    this.tls = tls;
    this.port = port;
    this.sizes = sizes;
    this.blockBytes = blockBytes;
    this.threads = Executors.newFixedThreadPool(parallelism);
  }

  private record Connection(InputStream in, OutputStream out) {}

  @Override
  public boolean does(BenchCase what) {
    return what == BenchCase.UPLOAD || what == BenchCase.DOWNLOAD;
  }

  @Override
  public void run(BenchCase what) throws Exception {
    int blocks = Math.toIntExact((sizes.fileBytes() + blockBytes - 1) / blockBytes);
    BlobWorkload.each(threads, blocks, what == BenchCase.UPLOAD ? this::put : this::get);
  }

  private int length(int block) {
    return (int) Math.min(blockBytes, sizes.fileBytes() - (long) block * blockBytes);
  }

  private void put(int block) throws IOException {
    Connection connection = take();
    send(connection, "PUT", block, "Content-Length: " + length(block));
    for (int left = length(block); left > 0; left -= junk.length) {
      connection.out().write(junk, 0, Math.min(left, junk.length));
    }
    connection.out().flush();
    receive(connection, "HTTP/1.1 201");
    giveBack(connection);
  }

  private void get(int block) throws IOException {
    Connection connection = take();
    send(connection, "GET", block, "x-ms-range: bytes=0-" + (length(block) - 1));
    connection.out().flush();
    receive(connection, "HTTP/1.1 206");
    byte[] into = new byte[BUFFER];
    for (int left = length(block); left > 0; ) {
      left -= connection.in().read(into, 0, Math.min(left, into.length));
    }
    giveBack(connection);
  }

  private static void send(Connection connection, String method, int block, String header)
      throws IOException {
    String head = "%s /anabranch/state/bare/%d HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n\r\n";
    connection
        .out()
        .write(head.formatted(method, block, header).getBytes(StandardCharsets.US_ASCII));
  }

  private static void receive(Connection connection, String expected) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      head.append((char) connection.in().read());
    }
    BlobWorkload.check(head.indexOf(expected) == 0, "not " + expected + " but " + head);
  }

  private Connection take() throws IOException {
    synchronized (idle) {
      Connection known = idle.poll();
      if (known != null) {
        return known;
      }
    }
    Socket socket = tls.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port);
    socket.setTcpNoDelay(true);
    return new Connection(
        new BufferedInputStream(socket.getInputStream(), BUFFER), socket.getOutputStream());
  }

  private void giveBack(Connection connection) {
    synchronized (idle) {
      idle.add(connection);
    }
  }
}
