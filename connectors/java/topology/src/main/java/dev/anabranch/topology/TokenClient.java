package dev.anabranch.topology;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.net.ssl.HttpsURLConnection;
import org.jspecify.annotations.Nullable;

/**
 * Exchanges a federated token for access tokens: the client-credentials flow with a JWT as
 * assertion (RFC 7523). Whoever wants a token asks again, so one attempt is short and is not
 * repeated here.
 */
final class TokenClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SOCKET_TIMEOUT_MS = 5_000;
  private static final Duration DEADLINE = Duration.ofSeconds(10);

  /** A token is a few kilobytes. */
  private static final int MAX_ANSWER_BYTES = 1 << 20;

  private final WorkloadIdentity identity;
  private final String scope;
  private final @Nullable String ca;
  private final BoundedExchange exchange = new BoundedExchange(DEADLINE);

  /**
   * @param ca PEM file with the authorities that the service is checked against; null: the JVM's
   */
  TokenClient(WorkloadIdentity identity, String scope, @Nullable String ca) {
    this.identity = identity;
    this.scope = scope;
    this.ca = ca;
  }

  /**
   * A new access token.
   *
   * @throws TokenException the service refuses, or does not answer
   * @throws TopologyException there is no federated token, or no authority
   */
  AccessToken fetch() throws TokenException {
    byte[] form = form().getBytes(StandardCharsets.US_ASCII);
    long begun = System.currentTimeMillis();
    try {
      HttpsURLConnection connection =
          (HttpsURLConnection) identity.tokenEndpoint().toURL().openConnection();
      if (ca != null) {
        connection.setSSLSocketFactory(PemTrust.socketFactory(ca));
      }
      Answer answer = exchange.run(connection, () -> ask(connection, form));
      if (answer.status != HttpURLConnection.HTTP_OK) {
        throw TokenException.refused(identity, answer.status, answer.text("error_description"));
      }
      String token = answer.text("access_token");
      long lifetimeS = answer.body.path("expires_in").asLong();
      if (token == null || lifetimeS <= 0) {
        throw TokenException.unanswered(identity, "what answers there is no token service");
      }
      return new AccessToken(token, identity.clientId(), begun, begun + lifetimeS * 1000);
    } catch (IOException e) {
      throw TokenException.unanswered(
          identity, isOfCertificate(e) ? "its certificate is not trusted" : "no answer");
    }
  }

  private static boolean isOfCertificate(@Nullable Throwable thrown) {
    for (Throwable each = thrown; each != null; each = each.getCause()) {
      if (each instanceof CertificateException) {
        return true;
      }
    }
    return false;
  }

  private String form() {
    Map<String, String> fields = new TreeMap<>();
    fields.put("client_id", identity.clientId());
    fields.put("scope", scope);
    fields.put("grant_type", "client_credentials");
    fields.put("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    fields.put("client_assertion", identity.federatedToken());
    return fields.entrySet().stream()
        .map(field -> field.getKey() + "=" + encoded(field.getValue()))
        .collect(Collectors.joining("&"));
  }

  private static String encoded(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8);
  }

  private static Answer ask(HttpsURLConnection connection, byte[] form) throws IOException {
    try {
      connection.setConnectTimeout(SOCKET_TIMEOUT_MS);
      connection.setReadTimeout(SOCKET_TIMEOUT_MS);
      // The federated token is for nobody else.
      connection.setInstanceFollowRedirects(false);
      connection.setRequestProperty("Connection", "close");
      connection.setRequestProperty("Accept", "application/json");
      connection.setDoOutput(true);
      try (OutputStream out = connection.getOutputStream()) {
        out.write(form);
      }
      int status = connection.getResponseCode();
      InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream();
      return new Answer(status, body == null ? JSON.missingNode() : parsed(body));
    } finally {
      connection.disconnect();
    }
  }

  private static JsonNode parsed(InputStream body) throws IOException {
    try (body) {
      byte[] bytes = body.readNBytes(MAX_ANSWER_BYTES);
      try {
        return JSON.readTree(bytes);
      } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
        // A proxy's page, for one. What it said is not kept.
        return JSON.missingNode();
      }
    }
  }

  private record Answer(int status, JsonNode body) {
    @Nullable String text(String field) {
      return body.path(field).textValue();
    }
  }
}
