package dev.anabranch.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkloadIdentityTest {
  private static final String SCOPE = "https://ns.servicebus.windows.net/.default";

  @TempDir Path folder;
  private JsonNode vectors;
  private TokenServer server;

  @BeforeEach
  void startServer() throws Exception {
    vectors = Vectors.read("identity.json", folder.toString());
    for (Map.Entry<String, JsonNode> file : vectors.get("files").properties()) {
      Files.writeString(folder.resolve(file.getKey()), file.getValue().asText());
    }
    server = new TokenServer(folder);
  }

  @AfterEach
  void stopServer() {
    server.close();
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
      server.status = shared.get("status").asInt();
      server.answer = shared.get("body").toString();
      assertFails(shared.get("error").asText().replace("${AUTHORITY}", server.authority()));
    }
  }

  @Test
  void saysWhatAnswersThatIsNoTokenService() throws Exception {
    String sentence = "the token service " + server.authority() + " gives no access token: ";
    server.answer = "<html>federated.to.ken</html>";
    assertFails(sentence + "what answers there is no token service");
    server.status = 307;
    assertFails(sentence + "status 307");
    assertThat(server.requests).hasSize(2);
    server.close();
    assertFails(sentence + "no answer");
  }

  @Test
  void trustsNobodyElse() {
    String sentence = "the token service " + server.authority() + " gives no access token: ";
    assertFails(null, sentence + "its certificate is not trusted");
  }

  @Test
  void namesTheAuthoritiesThatCannotBeRead() {
    for (JsonNode shared : vectors.get("authorities")) {
      assertFails(shared.get("ca").asText(), shared.get("error").asText());
    }
    assertThat(server.requests).isEmpty();
  }

  @Test
  void exchangesTheTokenThatIsInTheFileNow() throws Exception {
    long before = System.currentTimeMillis();
    AccessToken token = asked(server.ca());
    assertThat(token.value()).isEqualTo("ac.cess.token");
    assertThat(token.principalName()).isEqualTo("client");
    assertThat(token.lifetimeMs())
        .isBetween(before + 100_000, System.currentTimeMillis() + 100_000);
    Files.writeString(folder.resolve("token"), "another+one");
    asked(server.ca());
    assertThat(server.requests.stream().map(WorkloadIdentityTest::decoded))
        .containsExactly(request("federated.to.ken"), request("another+one"));
  }

  @Test
  void tellsOfAFileThatIsGone() throws Exception {
    TokenClient client = client(server.ca());
    Files.delete(folder.resolve("token"));
    assertThatThrownBy(client::fetch)
        .isInstanceOf(TopologyException.class)
        .hasMessageStartingWith("AZURE_FEDERATED_TOKEN_FILE names ")
        .hasMessageContaining("which does not exist");
    assertThat(server.requests).isEmpty();
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

  private void assertFails(String sentence) {
    assertFails(server.ca(), sentence);
    assertThat(sentence).doesNotContain("federated.to.ken");
  }

  private void assertFails(String ca, String sentence) {
    assertThatThrownBy(() -> asked(ca)).hasMessage(sentence).hasNoCause();
  }

  private AccessToken asked(String ca) throws TokenException {
    return client(ca).fetch();
  }

  private TokenClient client(String ca) {
    Map<String, String> environment = environment();
    environment.put("AZURE_AUTHORITY_HOST", server.authority());
    return new TokenClient(WorkloadIdentity.of(environment::get), SCOPE, ca);
  }

  private Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>();
    vectors
        .get("environment")
        .properties()
        .forEach(each -> environment.put(each.getKey(), each.getValue().asText()));
    return environment;
  }
}
