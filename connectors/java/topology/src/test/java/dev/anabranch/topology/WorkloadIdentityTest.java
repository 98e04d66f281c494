package dev.anabranch.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.SaslExtensionsCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkloadIdentityTest {
  private static final String SCOPE = "https://ns.servicebus.windows.net/.default";

  @TempDir Path folder;
  private JsonNode vectors;
  private HttpsServer server;
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private volatile int status = 200;
  private volatile String answer = "{\"access_token\": \"ac.cess.token\", \"expires_in\": 100}";

  @BeforeEach
  void startServer() throws Exception {
    vectors = Vectors.read("identity.json", folder.toString());
    for (Map.Entry<String, JsonNode> file : vectors.get("files").properties()) {
      Files.writeString(folder.resolve(file.getKey()), file.getValue().asText());
    }
    server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(certified()));
    server.createContext(
        "/",
        exchange -> {
          String form =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.US_ASCII);
          requests.add(exchange.getRequestURI() + "?" + form);
          byte[] body = answer.getBytes(StandardCharsets.UTF_8);
          exchange.getResponseHeaders().add("Location", "https://127.0.0.1:1/");
          exchange.sendResponseHeaders(status, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stopServer() {
    server.stop(0);
  }

  @Test
  void saysWhatIsWrongInTheSharedSentences() {
    for (JsonNode shared : vectors.get("settings")) {
      Map<String, String> environment = environment();
      shared
          .get("changes")
          .properties()
          .forEach(change -> environment.put(change.getKey(), change.getValue().asText()));
      assertThatThrownBy(() -> WorkloadIdentity.of(environment::get))
          .as(shared.get("name").asText())
          .isInstanceOf(TopologyException.class)
          .hasMessage(shared.get("error").asText())
          .hasNoCause();
    }
    Map<String, String> environment = environment();
    environment.remove("AZURE_AUTHORITY_HOST");
    assertThat(WorkloadIdentity.of(environment::get).tokenEndpoint())
        .hasToString("https://login.microsoftonline.com/tenant/oauth2/v2.0/token");
  }

  @Test
  void saysWhatTheServiceSaidInTheSharedSentences() throws Exception {
    for (JsonNode shared : vectors.get("answers")) {
      status = shared.get("status").asInt();
      answer = shared.get("body").toString();
      assertFails(shared.get("error").asText().replace("${AUTHORITY}", authority()));
    }
  }

  @Test
  void saysWhatAnswersThatIsNoTokenService() throws Exception {
    String sentence = "the token service " + authority() + " gives no access token: ";
    answer = "<html>federated.to.ken</html>";
    assertFails(sentence + "what answers there is no token service");
    status = 307;
    assertFails(sentence + "status 307");
    assertThat(requests).hasSize(2);
    server.stop(0);
    assertFails(sentence + "no answer");
  }

  @Test
  void trustsNobodyElse() throws Exception {
    OAuthBearerTokenCallback callback = asked(null);
    assertThat(callback.errorDescription())
        .isEqualTo(
            "the token service "
                + authority()
                + " gives no access token: its certificate is not trusted");
  }

  @Test
  void exchangesTheTokenThatIsInTheFileNow() throws Exception {
    long before = System.currentTimeMillis();
    OAuthBearerTokenCallback callback = asked(ca());
    assertThat(callback.errorCode()).isNull();
    assertThat(callback.token().value()).isEqualTo("ac.cess.token");
    assertThat(callback.token().principalName()).isEqualTo("client");
    assertThat(callback.token().lifetimeMs())
        .isBetween(before + 100_000, System.currentTimeMillis() + 100_000);
    assertThat(callback.token().toString()).isEqualTo("access token of client");
    Files.writeString(folder.resolve("token"), "another+one");
    asked(ca());
    assertThat(requests.stream().map(WorkloadIdentityTest::decoded))
        .containsExactly(request("federated.to.ken"), request("another+one"));
  }

  @Test
  void tellsOfAFileThatIsGone() throws Exception {
    WorkloadIdentityLogin login = login(ca());
    Files.delete(folder.resolve("token"));
    OAuthBearerTokenCallback callback = new OAuthBearerTokenCallback();
    login.handle(new Callback[] {callback});
    assertThat(callback.errorDescription())
        .startsWith("AZURE_FEDERATED_TOKEN_FILE names ")
        .contains("which does not exist");
    assertThat(requests).isEmpty();
  }

  @Test
  void hasNoExtensions() throws Exception {
    SaslExtensionsCallback callback = new SaslExtensionsCallback();
    login(ca()).handle(new Callback[] {callback});
    assertThat(callback.extensions().map()).isEmpty();
  }

  private static String request(String federated) {
    return "/tenant/oauth2/v2.0/token?client_assertion="
        + federated
        + "&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        + "&client_id=client&grant_type=client_credentials&scope="
        + SCOPE;
  }

  private static String decoded(String request) {
    return URLDecoder.decode(request, StandardCharsets.UTF_8);
  }

  private void assertFails(String sentence) throws Exception {
    OAuthBearerTokenCallback callback = asked(ca());
    assertThat(callback.token()).isNull();
    assertThat(callback.errorDescription()).isEqualTo(sentence).doesNotContain("federated.to.ken");
  }

  private OAuthBearerTokenCallback asked(String ca) throws Exception {
    OAuthBearerTokenCallback callback = new OAuthBearerTokenCallback();
    login(ca).handle(new Callback[] {callback});
    return callback;
  }

  private WorkloadIdentityLogin login(String ca) {
    Map<String, String> environment = environment();
    environment.put("AZURE_AUTHORITY_HOST", authority());
    Map<String, String> options = WorkloadIdentity.of(environment::get).options();
    options.put(WorkloadIdentityLogin.SCOPE, SCOPE);
    if (ca != null) {
      options.put(WorkloadIdentityLogin.TOKEN_CA, ca);
    }
    WorkloadIdentityLogin login = new WorkloadIdentityLogin();
    AppConfigurationEntry entry =
        new AppConfigurationEntry(
            "any", AppConfigurationEntry.LoginModuleControlFlag.REQUIRED, options);
    login.configure(Map.of(), "OAUTHBEARER", List.of(entry));
    return login;
  }

  private Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>();
    vectors
        .get("environment")
        .properties()
        .forEach(each -> environment.put(each.getKey(), each.getValue().asText()));
    return environment;
  }

  private String authority() {
    return "https://127.0.0.1:" + server.getAddress().getPort() + "/";
  }

  private String ca() {
    return folder.resolve("ca.pem").toString();
  }

  /** A certificate of its own, made by the JDK's keytool, and written as PEM too. */
  private SSLContext certified() throws Exception {
    Path store = folder.resolve("server.p12");
    String[] make = {
      Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
      "-genkeypair -alias a -keyalg EC -dname CN=local -ext san=ip:127.0.0.1 -storetype PKCS12"
    };
    run(make[0] + " " + make[1] + " -storepass changeit -keystore " + store);
    run(
        make[0]
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
