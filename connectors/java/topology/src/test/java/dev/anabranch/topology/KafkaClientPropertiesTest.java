package dev.anabranch.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.JaasContext;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KafkaClientPropertiesTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;
  private JsonNode vectors;

  @BeforeEach
  void writeFiles() throws IOException {
    vectors = Vectors.read("auth.json", folder.toString());
    for (Map.Entry<String, JsonNode> file : vectors.get("files").properties()) {
      Files.writeString(folder.resolve(file.getKey()), file.getValue().asText());
    }
  }

  @Test
  void translatesAsTheSharedCasesSay() throws Exception {
    for (JsonNode shared : vectors.get("cases")) {
      assertThat(translated(primary(shared)))
          .as(shared.get("name").asText())
          .isEqualTo(JSON.convertValue(shared.get("java"), Map.class));
    }
    assertThat(vectors.get("cases").size()).isGreaterThanOrEqualTo(9);
  }

  @Test
  void namesWhatIsMissingInTheSharedSentence() throws Exception {
    for (JsonNode shared : vectors.get("errors")) {
      Primary primary = primary(shared);
      assertThatThrownBy(() -> translated(primary))
          .as(shared.get("name").asText())
          .isInstanceOf(TopologyException.class)
          .hasMessage(shared.get("error").asText())
          .hasNoCause();
    }
    assertThat(vectors.get("errors").size()).isGreaterThanOrEqualTo(9);
  }

  @Test
  void passesCredentialsThroughJaasUnchanged() throws Exception {
    for (JsonNode shared : vectors.get("cases")) {
      JsonNode expected = shared.get("librdkafka").get("sasl.password");
      if (expected == null) {
        continue;
      }
      Map<String, ?> options = jaas(translated(primary(shared))).getOptions();
      assertThat(options.get("password")).isEqualTo(expected.asText());
      assertThat(options.get("username"))
          .isEqualTo(shared.get("librdkafka").get("sasl.username").asText());
    }
  }

  @Test
  void showsReferencesOnlyAndKafkaHidesTheRest() throws Exception {
    for (JsonNode shared : vectors.get("cases")) {
      Primary primary = primary(shared);
      String shown = primary + new AdminClientConfig(translated(primary)).values().toString();
      assertThat(shown).doesNotContain("hunter2", "from a file", "a2V5");
    }
  }

  @Test
  void fetchesItsTokenFromTheEndpoint() throws Exception {
    List<String> requests = new CopyOnWriteArrayList<>();
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext(
        "/token",
        exchange -> {
          String login = exchange.getRequestHeaders().getFirst("Authorization").substring(6);
          requests.add(new String(Base64.getDecoder().decode(login), StandardCharsets.UTF_8));
          requests.add(
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
          byte[] answer =
              ("{\"access_token\":\"" + token() + "\"}").getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
    OAuthBearerLoginCallbackHandler handler = new OAuthBearerLoginCallbackHandler();
    try {
      String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/token";
      Auth auth = new Auth.OAuthBearer(url, "pipelines", "env:PASSWORD", "kafka write", null, null);
      Properties properties =
          KafkaClientProperties.of(new Primary(List.of("h:1"), null, auth), this::environment);
      Map<String, Object> parsed = new HashMap<>(new AdminClientConfig(properties).values());
      handler.configure(parsed, "OAUTHBEARER", new ArrayList<>(List.of(jaas(asMap(properties)))));
      OAuthBearerTokenCallback callback = new OAuthBearerTokenCallback();
      handler.handle(new javax.security.auth.callback.Callback[] {callback});
      assertThat(callback.token().value()).isEqualTo(token());
    } finally {
      handler.close();
      server.stop(0);
    }
    assertThat(requests.get(0)).isEqualTo("pipelines:hunter2");
    assertThat(URLDecoder.decode(requests.get(1), StandardCharsets.UTF_8))
        .isEqualTo("grant_type=client_credentials&scope=kafka write");
  }

  private static String token() {
    Base64.Encoder encoder = Base64.getUrlEncoder().withoutPadding();
    long now = System.currentTimeMillis() / 1000;
    String claims =
        "{\"sub\":\"pipelines\",\"iat\":%d,\"exp\":%d,\"scope\":\"kafka\"}"
            .formatted(now / 3600 * 3600, now / 3600 * 3600 + 7200);
    return encoder.encodeToString("{\"alg\":\"RS256\"}".getBytes(StandardCharsets.UTF_8))
        + "."
        + encoder.encodeToString(claims.getBytes(StandardCharsets.UTF_8))
        + ".c2ln";
  }

  private static javax.security.auth.login.AppConfigurationEntry jaas(Map<String, ?> properties) {
    Object line = properties.get(SaslConfigs.SASL_JAAS_CONFIG);
    return JaasContext.loadClientContext(
            Map.of(SaslConfigs.SASL_JAAS_CONFIG, new Password((String) line)))
        .configurationEntries()
        .get(0);
  }

  private Map<String, Object> translated(Primary primary) {
    return asMap(KafkaClientProperties.withoutToken(primary, this::environment));
  }

  private static Map<String, Object> asMap(Properties properties) {
    Map<String, Object> map = new HashMap<>();
    properties.forEach((name, value) -> map.put((String) name, value));
    return map;
  }

  private String environment(String name) {
    JsonNode identity = vectors.get("identity").get(name);
    JsonNode value = identity != null ? identity : vectors.get("environment").get(name);
    return value == null ? null : value.asText();
  }

  private Primary primary(JsonNode shared) throws IOException {
    List<String> bootstrap = new ArrayList<>();
    vectors.get("bootstrap").forEach(address -> bootstrap.add(address.asText()));
    return new Primary(bootstrap, null, JSON.treeToValue(shared.get("auth"), Auth.class));
  }
}
