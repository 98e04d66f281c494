package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One sentence for each variable that is missing or wrong. */
class WorkloadIdentityTest {
  @TempDir Path folder;
  private final Map<String, String> environment = new HashMap<>();

  @BeforeEach
  void asThePodHasIt() throws IOException {
    environment.put("AZURE_CLIENT_ID", "client");
    environment.put("AZURE_TENANT_ID", "tenant");
    environment.put("AZURE_AUTHORITY_HOST", "https://login.example/");
    environment.put(
        "AZURE_FEDERATED_TOKEN_FILE",
        Files.writeString(folder.resolve("token"), "a.b.c\n").toString());
  }

  private void assertRefused(String sentence) {
    assertThatThrownBy(() -> new WorkloadIdentity(environment))
        .isInstanceOf(IOException.class)
        .hasMessage(sentence);
  }

  @Test
  void takesWhatAPodHas() throws IOException {
    assertThat(new WorkloadIdentity(environment)).hasToString("client client of tenant tenant");
    environment.remove("AZURE_AUTHORITY_HOST");
    assertThat(new WorkloadIdentity(environment)).isNotNull();
  }

  @Test
  void saysWhatIsMissing() {
    for (String name :
        new String[] {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"}) {
      String value = environment.put(name, " ");
      assertThatThrownBy(() -> new WorkloadIdentity(environment))
          .hasMessageStartingWith(name + " is not set: it must be the ")
          .hasMessageEndingWith(
              "; on AKS the workload identity webhook sets it for pods with the label"
                  + " azure.workload.identity/use");
      environment.put(name, value);
    }
  }

  @Test
  void saysWhatIsWrong() throws IOException {
    environment.put("AZURE_AUTHORITY_HOST", "http://login.example/");
    assertRefused(
        "AZURE_AUTHORITY_HOST is no https URL: unset it for https://login.microsoftonline.com/, or"
            + " correct it");
    environment.remove("AZURE_AUTHORITY_HOST");
    environment.put("AZURE_TENANT_ID", "a/b");
    assertRefused("AZURE_TENANT_ID is no tenant: it must be a GUID or a domain name");
    environment.put("AZURE_TENANT_ID", "tenant");
    Path empty = Files.writeString(folder.resolve("empty"), "");
    environment.put("AZURE_FEDERATED_TOKEN_FILE", empty.toString());
    assertRefused("AZURE_FEDERATED_TOKEN_FILE names " + empty + ", which is empty");
    Path absent = folder.resolve("absent");
    environment.put("AZURE_FEDERATED_TOKEN_FILE", absent.toString());
    assertRefused(
        "AZURE_FEDERATED_TOKEN_FILE names "
            + absent
            + ", which does not exist: see that the pod has the label azure.workload.identity/use"
            + " and a service account of its own");
  }

  @Test
  void hasNoPlaceForKeysAndSignatures() {
    assertThatThrownBy(
            () -> ContainerUri.of(URI.create("abfss://c:key@account.dfs.core.windows.net/")))
        .hasMessage(
            "the path has a password in it, which is refused: access is by workload identity only");
    Configuration options = new Configuration();
    options.setString("fs.azure.blob.endpoint.a", "https://a.blob.core.windows.net/?sig=secret");
    assertThatThrownBy(() -> Settings.from(options))
        .hasMessage("fs.azure.blob.endpoint.a must have no query: there is no access by signature");
    options.setString("fs.azure.blob.endpoint.a", "http://a.blob.core.windows.net/");
    assertThatThrownBy(() -> Settings.from(options))
        .hasMessage("fs.azure.blob.endpoint.a must be an https URL");
  }
}
