package dev.anabranch.topology;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** A token service over TLS, with an authority of its own, that answers as a test wants it to. */
final class TokenServer implements AutoCloseable {
  final List<String> requests = new CopyOnWriteArrayList<>();
  volatile int status = 200;
  volatile String answer = given("ac.cess.token", 100);
  volatile boolean silent;

  private final Path folder;
  private final HttpsServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final CountDownLatch closed = new CountDownLatch(1);

  TokenServer(Path folder) throws Exception {
    this.folder = folder;
    server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(certified()));
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  static String given(String token, int lifetimeS) {
    return "{\"access_token\": \"%s\", \"expires_in\": %d}".formatted(token, lifetimeS);
  }

  String authority() {
    return "https://127.0.0.1:" + server.getAddress().getPort() + "/";
  }

  String ca() {
    return folder.resolve("ca.pem").toString();
  }

  @Override
  public void close() {
    closed.countDown();
    server.stop(0);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    String form = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.US_ASCII);
    requests.add(exchange.getRequestURI() + "?" + form);
    if (silent) {
      awaitClose();
    }
    byte[] body = answer.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().add("Location", "https://127.0.0.1:1/");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private void awaitClose() {
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A certificate of its own, made by the JDK's keytool, and written as PEM too. */
  private SSLContext certified() throws Exception {
    Path store = folder.resolve("server.p12");
    String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    String make =
        " -genkeypair -alias a -keyalg EC -dname CN=local -ext san=ip:127.0.0.1 -storetype PKCS12";
    run(keytool + make + " -storepass changeit -keystore " + store);
    run(
        keytool
            + " -exportcert -rfc -alias a -storepass changeit -keystore "
            + store
            + " -file "
            + ca());
    KeyStore keys = KeyStore.getInstance("PKCS12");
    keys.load(new ByteArrayInputStream(Files.readAllBytes(store)), "changeit".toCharArray());
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, "changeit".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return context;
  }

  private static void run(String command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command.split(" ")).inheritIO().start();
    assertThat(process.waitFor()).isZero();
  }
}
