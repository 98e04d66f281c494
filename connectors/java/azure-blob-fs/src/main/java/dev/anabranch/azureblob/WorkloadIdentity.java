package dev.anabranch.azureblob;

import com.azure.core.credential.TokenCredential;
import com.azure.core.http.HttpClient;
import com.azure.core.http.policy.RetryPolicy;
import com.azure.identity.ClientAssertionCredentialBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;

/**
 * The identity that AKS gives a pod: four environment variables and a file with a federated token,
 * which the token service takes for an access token. The file is read whenever an access token is
 * asked for, since it is replaced while the pod lives (<a
 * href="https://azure.github.io/azure-workload-identity/docs/">workload identity</a>).
 *
 * <p>No token is ever in a message of this class.
 */
final class WorkloadIdentity {
  private static final String CLIENT_ID = "AZURE_CLIENT_ID";
  private static final String TENANT_ID = "AZURE_TENANT_ID";
  private static final String TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE";
  private static final String AUTHORITY = "AZURE_AUTHORITY_HOST";
  private static final String DEFAULT_AUTHORITY = "https://login.microsoftonline.com/";

  private final String clientId;
  private final String tenantId;
  private final Path tokenFile;
  private final String authority;

  /**
   * Reads the variables.
   *
   * @param environment of the process
   * @throws IdentityException a sentence with the variable that is missing or wrong, and what to do
   */
  WorkloadIdentity(Map<String, String> environment) throws IdentityException {
    this.clientId = required(environment, CLIENT_ID, "the client id of the managed identity");
    this.tenantId = required(environment, TENANT_ID, "the tenant of the managed identity");
    this.tokenFile =
        Path.of(required(environment, TOKEN_FILE, "the path of the pod's projected token"));
    if (!tenantId.matches("[0-9A-Za-z.-]+")) {
      throw new IdentityException(TENANT_ID + " is no tenant: it must be a GUID or a domain name");
    }
    String host = environment.getOrDefault(AUTHORITY, "");
    this.authority = host.isBlank() ? DEFAULT_AUTHORITY : host.strip();
    if (!isHttps(authority)) {
      throw new IdentityException(
          AUTHORITY + " is no https URL: unset it for " + DEFAULT_AUTHORITY + ", or correct it");
    }
    federatedToken();
  }

  /** Gives access tokens, which its caller keeps until they are about to expire. */
  TokenCredential credential(HttpClient http) {
    return new ClientAssertionCredentialBuilder()
        .clientId(clientId)
        .tenantId(tenantId)
        .authorityHost(authority)
        // The authority comes from the pod's own environment: asking Microsoft's public directory
        // about it proves nothing, and cannot be reached from private clouds.
        .disableInstanceDiscovery()
        .clientAssertion(this::assertion)
        .addPolicy(new QuietContentLength())
        // The request that wants the token is repeated as a whole; both would multiply.
        .retryPolicy(new RetryPolicy(new BackOff(0)))
        .httpClient(http)
        .build();
  }

  /** For messages: who asks, never with what. */
  @Override
  public String toString() {
    return "client " + clientId + " of tenant " + tenantId;
  }

  private String assertion() {
    try {
      return federatedToken();
    } catch (IdentityException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String federatedToken() throws IdentityException {
    String token;
    try {
      token = Files.readString(tokenFile).strip();
    } catch (NoSuchFileException e) {
      throw new IdentityException(
          TOKEN_FILE
              + " names "
              + tokenFile
              + ", which does not exist: see that the pod has the label azure.workload.identity/use"
              + " and a service account of its own");
    } catch (IOException e) {
      throw new IdentityException(
          TOKEN_FILE
              + " names "
              + tokenFile
              + ", which cannot be read: give the user access to it");
    }
    if (token.isEmpty()) {
      throw new IdentityException(TOKEN_FILE + " names " + tokenFile + ", which is empty");
    }
    return token;
  }

  private static String required(Map<String, String> environment, String name, String what)
      throws IdentityException {
    String value = environment.getOrDefault(name, "").strip();
    if (value.isEmpty()) {
      throw new IdentityException(
          name
              + " is not set: it must be "
              + what
              + "; on AKS the workload identity webhook sets it for pods with the label"
              + " azure.workload.identity/use");
    }
    return value;
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
