package dev.anabranch.azureblob;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.apache.flink.configuration.Configuration;

/**
 * Stands between the plugin and the storage service, over TLS, and hurts requests as a rule says:
 * before they get there, or after the service has done what they want.
 */
final class FaultProxy implements AutoCloseable {
  private static final Set<String> NOT_FORWARDED =
      Set.of("host", "connection", "content-length", "transfer-encoding", "upgrade", "expect");

  private final Cloud cloud;
  private final URI target;
  private final HttpsServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final HttpClient client;

  /** Requests as they came, such as {@code PUT /account/container/blob?comp=block}. */
  final List<String> requests = new CopyOnWriteArrayList<>();

  volatile Rule rule = request -> Fault.none();

  /** Decides for each request. */
  interface Rule {
    Fault of(String request);
  }

  /** What happens to one. */
  record Fault(Kind kind, int status, List<String> headers, long holdMs, long delayMs) {
    enum Kind {
      NONE,
      ANSWERED,
      LOST,
      RESET,
      CUT
    }

    /** Goes through. */
    static Fault none() {
      return new Fault(Kind.NONE, 0, List.of(), 0, 0);
    }

    /** Is answered so, and never gets to the service. */
    static Fault answered(int status, String... headers) {
      return new Fault(Kind.ANSWERED, status, List.of(headers), 0, 0);
    }

    /** Is done by the service; the connection ends before the answer. */
    static Fault lost() {
      return new Fault(Kind.LOST, 0, List.of(), 0, 0);
    }

    /** Never gets to the service; the connection ends. */
    static Fault reset() {
      return new Fault(Kind.RESET, 0, List.of(), 0, 0);
    }

    /** Is done; the connection ends after half of the answer's body. */
    static Fault cut() {
      return new Fault(Kind.CUT, 0, List.of(), 0, 0);
    }

    /** Goes through, and is answered late. */
    static Fault slow(long delayMs) {
      return new Fault(Kind.NONE, 0, List.of(), 0, delayMs);
    }

    /** Gets to the service late. */
    static Fault held(long holdMs) {
      return new Fault(Kind.NONE, 0, List.of(), holdMs, 0);
    }
  }

  FaultProxy(Cloud cloud) throws Exception {
    this.cloud = cloud;
    URI endpoint =
        URI.create(cloud.options().toMap().get("fs.azure.blob.endpoint." + account(cloud)));
    this.target = endpoint.resolve("/");
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .sslContext(TrustedCertificates.context(cloud.tls().resolve("ca.pem")))
            .build();
    this.server =
        HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
    server.setHttpsConfigurator(new HttpsConfigurator(serverContext(cloud.tls())));
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /** Options that send the plugin through here. */
  Configuration options() {
    Configuration options = new Configuration();
    options.setString(
        "fs.azure.blob.endpoint." + account(cloud),
        "https://127.0.0.1:" + server.getAddress().getPort() + "/" + account(cloud));
    return options;
  }

  /** How many requests came that begin so and contain this. */
  long count(String begin, String part) {
    return requests.stream().filter(r -> r.startsWith(begin) && r.contains(part)).count();
  }

  /** A rule for the first requests that begin so and contain this; others go through. */
  void first(int times, String begin, String part, Fault fault) {
    AtomicInteger left = new AtomicInteger(times);
    rule =
        request ->
            request.startsWith(begin) && request.contains(part) && left.getAndDecrement() > 0
                ? fault
                : Fault.none();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private static String account(Cloud cloud) {
    String host = URI.create(cloud.location()).getHost();
    return host.substring(0, host.indexOf('.'));
  }

  private void handle(HttpExchange exchange) throws IOException {
    String request = exchange.getRequestMethod() + " " + exchange.getRequestURI();
    requests.add(request);
    Fault fault = rule.of(request);
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      if (fault.kind() == Fault.Kind.RESET) {
        return;
      }
      if (fault.kind() == Fault.Kind.ANSWERED) {
        answer(exchange, fault);
        return;
      }
      Thread.sleep(fault.holdMs());
      HttpResponse<byte[]> done = forward(exchange, body);
      Thread.sleep(fault.delayMs());
      if (fault.kind() != Fault.Kind.LOST) {
        relay(exchange, done, fault.kind() == Fault.Kind.CUT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void answer(HttpExchange exchange, Fault fault) throws IOException {
    for (int i = 0; i < fault.headers().size(); i += 2) {
      exchange.getResponseHeaders().add(fault.headers().get(i), fault.headers().get(i + 1));
    }
    exchange.sendResponseHeaders(fault.status(), -1);
  }

  private HttpResponse<byte[]> forward(HttpExchange exchange, byte[] body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(
                URI.create(target.toString().replaceAll("/$", "") + exchange.getRequestURI()))
            .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
    exchange
        .getRequestHeaders()
        .forEach(
            (name, values) -> {
              if (!NOT_FORWARDED.contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(value -> request.header(name, value));
              }
            });
    return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  private static void relay(HttpExchange exchange, HttpResponse<byte[]> done, boolean half)
      throws IOException {
    done.headers()
        .map()
        .forEach(
            (name, values) -> {
              if (!NOT_FORWARDED.contains(name)) {
                values.forEach(value -> exchange.getResponseHeaders().add(name, value));
              }
            });
    byte[] body = done.body();
    if (exchange.getRequestMethod().equals("HEAD")) {
      done.headers()
          .firstValue("content-length")
          .ifPresent(length -> exchange.getResponseHeaders().set("Content-Length", length));
    }
    exchange.sendResponseHeaders(done.statusCode(), body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      OutputStream out = exchange.getResponseBody();
      out.write(body, 0, half ? body.length / 2 : body.length);
      out.flush();
    }
  }

  /** Of a server with the certificate in that folder. */
  static SSLContext serverContext(Path tls) throws Exception {
    Certificate certificate;
    try (InputStream in = Files.newInputStream(tls.resolve("cloud.pem"))) {
      certificate = CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
    String pem = Files.readString(tls.resolve("cloud.key.pem"));
    byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]*-----", ""));
    PrivateKey key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("proxy", key, new char[0], new Certificate[] {certificate});
    KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, new char[0]);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    return context;
  }
}
