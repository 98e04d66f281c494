package dev.anabranch.union;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;

/** Gives out a topology document over HTTP, or status 500. */
final class TopologyService implements AutoCloseable {
  private final HttpServer server;
  private final Path document;
  private volatile boolean isFailing;

  /**
   * Starts it.
   *
   * @param port where it listens; 0 for any that is free
   */
  TopologyService(TopologyFile topology, int port) throws IOException {
    document = Path.of(topology.location());
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  String location() {
    return "http://127.0.0.1:" + port() + "/topology.yaml";
  }

  int port() {
    return server.getAddress().getPort();
  }

  void fail() {
    isFailing = true;
  }

  void answer() {
    isFailing = false;
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = Files.readAllBytes(document);
      exchange.sendResponseHeaders(isFailing ? 500 : 200, isFailing ? -1 : body.length);
      if (!isFailing) {
        exchange.getResponseBody().write(body);
      }
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
