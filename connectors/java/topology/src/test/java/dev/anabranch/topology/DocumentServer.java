package dev.anabranch.topology;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** One document behind HTTP with ETags; a test may have it misbehave. */
final class DocumentServer implements AutoCloseable {
  /** Answers in place of the server. */
  interface Answer {
    void to(HttpExchange exchange) throws IOException;
  }

  final List<String> conditions = new CopyOnWriteArrayList<>();
  final List<String> authorizations = new CopyOnWriteArrayList<>();
  volatile String text = "";
  volatile boolean hasTags = true;
  volatile Answer instead;

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  DocumentServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setExecutor(threads);
    server.createContext("/topology.yaml", this::answer);
    server.start();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String condition = exchange.getRequestHeaders().getFirst("If-None-Match");
      conditions.add(String.valueOf(condition));
      authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
      Answer other = instead;
      if (other != null) {
        other.to(exchange);
        return;
      }
      String tag = "\"" + text.hashCode() + "\"";
      if (hasTags) {
        exchange.getResponseHeaders().set("ETag", tag);
        if (tag.equals(condition)) {
          exchange.sendResponseHeaders(304, -1);
          return;
        }
      }
      byte[] body = text.getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/topology.yaml";
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
