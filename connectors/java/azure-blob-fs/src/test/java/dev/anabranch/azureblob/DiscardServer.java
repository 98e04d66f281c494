package dev.anabranch.azureblob;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;

/**
 * Blob Storage that forgets all bytes, over TLS: what a benchmark of clients needs, since Azurite
 * ends near 35 MB/s. It has the requests that the plugin sends, checks no token, but counts
 * requests without one. {@code GET /counts} tells what was asked since it was last told.
 *
 * <p>As a program: {@code TLS_FOLDER LATENCY_MS...}. It listens on a port for each latency, prints
 * these ports as one line, and ends when its standard input does.
 */
final class DiscardServer implements AutoCloseable {
  private static final int BUFFER = 64 * 1024;
  // The cheapest cipher of TLS 1.3 here: the less of it, the more of a client's own cost is seen.
  private static final String[] CIPHERS = {"TLS_AES_128_GCM_SHA256"};

  private final DiscardedBlobs blobs = new DiscardedBlobs();
  private final SSLContext tls;
  private final List<ServerSocket> sockets = new ArrayList<>();
  private final Map<String, Long> counts = new TreeMap<>();

  DiscardServer(Path tlsFolder) throws Exception {
    this.tls = FaultProxy.serverContext(tlsFolder);
  }

  public static void main(String[] args) throws Exception {
    try (DiscardServer server = new DiscardServer(Path.of(args[0]))) {
      List<String> ports = new ArrayList<>();
      for (String latency : List.of(args).subList(1, args.length)) {
        ports.add(Integer.toString(server.listen(Long.parseLong(latency))));
      }
      System.out.println(String.join(" ", ports));
      while (System.in.read() >= 0) {
        // Until its parent ends.
      }
    }
  }

  /** Listens on one more port, where each request takes so much longer; returns the port. */
  int listen(long latencyMs) throws IOException {
    SSLServerSocket socket =
        (SSLServerSocket)
            tls.getServerSocketFactory()
                .createServerSocket(0, 256, InetAddress.getLoopbackAddress());
    socket.setEnabledCipherSuites(CIPHERS);
    sockets.add(socket);
    start("discard-accept", () -> accept(socket, latencyMs));
    return socket.getLocalPort();
  }

  @Override
  public void close() throws IOException {
    for (ServerSocket socket : sockets) {
      socket.close();
    }
  }

  /** How often each kind of request came, and how many bytes, since this was asked last. */
  Map<String, Long> takeCounts() {
    synchronized (counts) {
      Map<String, Long> taken = new TreeMap<>(counts);
      counts.clear();
      var system =
          (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      taken.put("cpu-ms", system.getProcessCpuTime() / 1_000_000);
      return taken;
    }
  }

  private void accept(ServerSocket socket, long latencyMs) {
    while (true) {
      try {
        Socket connection = socket.accept();
        start("discard-connection", () -> serve(connection, latencyMs));
      } catch (IOException e) {
        return; // it is closed
      }
    }
  }

  private static void start(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
  }

  private void serve(Socket connection, long latencyMs) {
    try (connection) {
      connection.setTcpNoDelay(true);
      InputStream in = new BufferedInputStream(connection.getInputStream(), BUFFER);
      OutputStream out = connection.getOutputStream();
      byte[] junk = new byte[BUFFER];
      for (BlobRequest request = BlobRequest.read(in);
          request != null;
          request = BlobRequest.read(in)) {
        respond(request, in, out, junk, latencyMs);
      }
    } catch (SocketException | EOFException | InterruptedException e) {
      // The client has gone.
    } catch (IOException | RuntimeException e) {
      System.err.println("discard server: " + e);
    }
  }

  private void respond(
      BlobRequest request, InputStream in, OutputStream out, byte[] junk, long latencyMs)
      throws IOException, InterruptedException {
    if (request.path().equals("/counts")) {
      BlobAnswer.text(200, "application/json", json(takeCounts())).write(out, true);
      return;
    }
    String body = "";
    if (request.asks("comp", "blocklist")) {
      body = new String(in.readNBytes((int) request.bodyLength()), StandardCharsets.UTF_8);
    } else {
      discard(in, request.bodyLength(), junk);
    }
    if (latencyMs > 0) {
      Thread.sleep(latencyMs);
    }
    BlobAnswer answer = blobs.answer(request, body);
    count(request, answer);
    answer.write(out, !request.method().equals("HEAD"));
  }

  private static void discard(InputStream in, long length, byte[] junk) throws IOException {
    for (long left = length; left > 0; ) {
      int got = in.read(junk, 0, (int) Math.min(left, junk.length));
      if (got < 0) {
        throw new EOFException("the connection ends within a body");
      }
      left -= got;
    }
  }

  private void count(BlobRequest request, BlobAnswer answer) {
    String kind = request.method() + " " + request.query().getOrDefault("comp", "blob");
    synchronized (counts) {
      counts.merge("requests", 1L, Long::sum);
      counts.merge(kind, 1L, Long::sum);
      counts.merge("bytes-in", request.bodyLength(), Long::sum);
      if (!request.method().equals("HEAD")) {
        counts.merge("bytes-out", answer.length(), Long::sum);
      }
      if (answer.status() >= 400) {
        counts.merge("refused", 1L, Long::sum);
      }
      if (!request.header("authorization", "").startsWith("Bearer ")) {
        counts.merge("without-token", 1L, Long::sum);
      }
    }
  }

  private static String json(Map<String, Long> counts) {
    return counts.entrySet().stream()
        .map(each -> "\"" + each.getKey() + "\": " + each.getValue())
        .collect(Collectors.joining(", ", "{", "}"));
  }
}
