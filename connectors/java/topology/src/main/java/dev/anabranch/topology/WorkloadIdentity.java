package dev.anabranch.topology;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The identity that AKS gives a pod: four environment variables and a file with a federated token,
 * which the token service takes for an access token (<a
 * href="https://azure.github.io/azure-workload-identity/docs/">workload identity</a>). Its Python
 * twin is {@code anabranch.topology.identity}; tests/unit/vectors/identity.json holds both to the
 * same sentences.
 *
 * @param clientId of the managed identity
 * @param tenantId its tenant
 * @param tokenFile where the federated token is, which is replaced while the pod lives
 * @param authority URL of the token service
 */
record WorkloadIdentity(String clientId, String tenantId, String tokenFile, String authority) {
  private static final String CLIENT = "AZURE_CLIENT_ID";
  private static final String TENANT = "AZURE_TENANT_ID";
  private static final String FILE = "AZURE_FEDERATED_TOKEN_FILE";
  private static final String AUTHORITY = "AZURE_AUTHORITY_HOST";
  private static final String PUBLIC_CLOUD = "https://login.microsoftonline.com/";

  /**
   * Reads the variables, and the file once.
   *
   * @throws TopologyException a sentence with the variable that is missing or wrong
   */
  static WorkloadIdentity of(Function<String, @Nullable String> environment) {
    String client = required(environment, CLIENT, "the client id of the managed identity");
    String tenant = required(environment, TENANT, "the tenant of the managed identity");
    String file = required(environment, FILE, "the path of the pod's projected token");
    if (!tenant.matches("[0-9A-Za-z.-]+")) {
      throw new TopologyException(TENANT + " is no tenant: it must be a GUID or a domain name");
    }
    String given = value(environment, AUTHORITY);
    String authority = given.isEmpty() ? PUBLIC_CLOUD : given;
    if (!isHttps(authority)) {
      throw new TopologyException(
          AUTHORITY + " is no https URL: unset it for " + PUBLIC_CLOUD + ", or correct it");
    }
    WorkloadIdentity identity = new WorkloadIdentity(client, tenant, file, authority);
    identity.federatedToken();
    return identity;
  }

  /** The reverse of {@link #options()}. */
  static WorkloadIdentity of(Map<String, ?> options) {
    return new WorkloadIdentity(
        (String) options.get("clientId"),
        (String) options.get("tenantId"),
        (String) options.get("tokenFile"),
        (String) options.get("authority"));
  }

  /** As options of a login module; none is a secret. */
  Map<String, String> options() {
    return new TreeMap<>(
        Map.of(
            "clientId", clientId,
            "tenantId", tenantId,
            "tokenFile", tokenFile,
            "authority", authority));
  }

  /**
   * The token of the pod, as it is in the file now.
   *
   * @throws TopologyException there is none
   */
  String federatedToken() {
    String token;
    try {
      token = Files.readString(Path.of(tokenFile)).strip();
    } catch (NoSuchFileException e) {
      throw new TopologyException(
          named()
              + "does not exist: see that the pod has the label azure.workload.identity/use"
              + " and a service account of its own");
    } catch (IOException e) {
      throw new TopologyException(named() + "cannot be read: give the user access to it");
    }
    if (token.isEmpty()) {
      throw new TopologyException(named() + "is empty");
    }
    return token;
  }

  /** Where the token service takes the federated token for an access token. */
  URI tokenEndpoint() {
    String base = authority.endsWith("/") ? authority : authority + "/";
    return URI.create(base + tenantId + "/oauth2/v2.0/token");
  }

  /** For messages: who asks, never with what. */
  @Override
  public String toString() {
    return "client " + clientId + " of tenant " + tenantId;
  }

  private String named() {
    return FILE + " names " + tokenFile + ", which ";
  }

  private static String required(
      Function<String, @Nullable String> environment, String name, String what) {
    String value = value(environment, name);
    if (value.isEmpty()) {
      throw new TopologyException(
          name
              + " is not set: it must be "
              + what
              + "; on AKS the workload identity webhook sets it for pods with the label"
              + " azure.workload.identity/use");
    }
    return value;
  }

  private static String value(Function<String, @Nullable String> environment, String name) {
    String value = environment.apply(name);
    return value == null ? "" : value.strip();
  }

  private static boolean isHttps(String text) {
    try {
      URI uri = URI.create(text);
      return "https".equals(uri.getScheme()) && uri.getHost() != null;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
