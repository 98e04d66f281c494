package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.read;
import static dev.anabranch.azureblob.Contents.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokens that expire, rotate and are refused, through the plugin loader and the token service. */
class IdentityTest {
  private final Cloud cloud = Cloud.local();
  private final Path base = new Path(cloud.location(), "identity-" + UUID.randomUUID());

  @TempDir java.nio.file.Path scratch;

  @AfterEach
  void heal() throws Exception {
    Cloud.setEnvironment(cloud.identity());
    cloud.tokens("lifetime_s=3600&status=200");
  }

  private static Configuration fewRetries() {
    Configuration options = new Configuration();
    options.set(AzureBlobOptions.RETRIES, 1);
    return options;
  }

  /** What a user sees who has set a variable so. */
  private String errorWith(String variable, String value) throws IOException {
    Map<String, String> wrong = new HashMap<>(cloud.identity());
    wrong.put(variable, value);
    Cloud.setEnvironment(wrong);
    try {
      FileSystem files = cloud.fileSystem(fewRetries(), cloud.location());
      files.exists(new Path(base, "x"));
      throw new AssertionError("it has access");
    } catch (IOException e) {
      return e.getMessage();
    }
  }

  @Test
  void saysWhoIsRefusedAndByWhichCode() throws IOException {
    String format =
        "cannot look up %s: the token service gives client %s of tenant %s no token (%s): see"
            + " AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE and"
            + " AZURE_AUTHORITY_HOST, and the identity's federated credential";
    String client = cloud.identity().get("AZURE_CLIENT_ID");
    String tenant = cloud.identity().get("AZURE_TENANT_ID");
    Path path = new Path(base, "x");
    assertThat(errorWith("AZURE_CLIENT_ID", "somebody"))
        .isEqualTo(format.formatted(path, "somebody", tenant, "AADSTS700016"));
    assertThat(errorWith("AZURE_TENANT_ID", "elsewhere"))
        .isEqualTo(format.formatted(path, client, "elsewhere", "AADSTS90002"));
    java.nio.file.Path stale = Files.writeString(scratch.resolve("token"), "c3RhbGU.secret.token");
    assertThat(errorWith("AZURE_FEDERATED_TOKEN_FILE", stale.toString()))
        .isEqualTo(format.formatted(path, client, tenant, "AADSTS700213"));
  }

  @Test
  void saysThatTheTokenFileIsGone() throws IOException {
    java.nio.file.Path gone = Files.writeString(scratch.resolve("gone"), "a.b.c");
    Map<String, String> variables = new HashMap<>(cloud.identity());
    variables.put("AZURE_FEDERATED_TOKEN_FILE", gone.toString());
    Cloud.setEnvironment(variables);
    FileSystem files = cloud.fileSystem(new Configuration(), cloud.location());
    Files.delete(gone);
    assertThatThrownBy(() -> files.exists(new Path(base, "x")))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(
            "AZURE_FEDERATED_TOKEN_FILE names " + gone + ", which does not exist: see that");
  }

  @Test
  void logsNoToken() throws IOException {
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    PrintStream before = System.err;
    System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
    try {
      java.nio.file.Path stale =
          Files.writeString(scratch.resolve("token"), "c3RhbGU.secret.token");
      errorWith("AZURE_FEDERATED_TOKEN_FILE", stale.toString());
    } finally {
      System.setErr(before);
    }
    assertThat(log.toString(StandardCharsets.UTF_8))
        .contains("AADSTS700213") // the log was on
        .doesNotContain("secret");
  }

  @Test
  void saysWhichVariableIsMissing() throws IOException {
    assertThat(errorWith("AZURE_CLIENT_ID", ""))
        .startsWith("AZURE_CLIENT_ID is not set: it must be the client id");
  }

  @Test
  void goesOnWhileTokensExpireAndTheFederatedTokenIsReplaced() throws Exception {
    cloud.tokens("lifetime_s=1");
    FileSystem files = cloud.fileSystem(new Configuration(), cloud.location());
    int before = cloud.tokens("").get("refused").asInt();
    int given = cloud.tokens("").get("given").asInt();
    for (int i = 0; i < 3; i++) {
      Path path = new Path(base, "rotated-" + i);
      write(files, path, random(i, 100));
      assertThat(read(files, path)).isEqualTo(random(i, 100));
      cloud.tokens("rotate");
      Thread.sleep(i < 2 ? 1_000 : 0); // the access token's life
    }
    assertThat(cloud.tokens("").get("given").asInt() - given).isGreaterThanOrEqualTo(3);
    assertThat(cloud.tokens("").get("refused").asInt()).isEqualTo(before);
  }

  @Test
  void asksForATokenOnceAsLongAsItLives() throws Exception {
    FileSystem files = cloud.fileSystem(new Configuration(), cloud.location());
    int given = cloud.tokens("").get("given").asInt();
    for (int i = 0; i < 5; i++) {
      files.exists(new Path(base, "x"));
    }
    assertThat(cloud.tokens("").get("given").asInt() - given).isEqualTo(1);
  }

  @Test
  void waitsForATokenServiceThatIsDownForAMoment() throws Exception {
    FileSystem files = cloud.fileSystem(new Configuration(), cloud.location());
    cloud.tokens("status=503");
    Thread back =
        new Thread(
            () -> {
              try {
                Thread.sleep(2_000);
                cloud.tokens("status=200");
              } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
              }
            });
    back.start();
    write(files, new Path(base, "patient"), random(1, 10));
    back.join();
    assertThat(read(files, new Path(base, "patient"))).isEqualTo(random(1, 10));
  }

  @Test
  void saysThatThereIsNoSuchContainer() throws IOException {
    String location = cloud.location().replace("state@", "absent@");
    FileSystem files = cloud.fileSystem(fewRetries(), location);
    Path path = new Path(location, "/x");
    String reason = "account anabranch has no container absent: create it, or correct the path";
    assertThatThrownBy(() -> write(files, path, random(1, 10)))
        .hasMessage("cannot commit " + path + ": " + reason);
    assertThatThrownBy(() -> files.open(path)).hasMessage("cannot read " + path + ": " + reason);
    assertThatThrownBy(() -> files.exists(path))
        .hasMessage("cannot look up " + path + ": " + reason);
    assertThatThrownBy(() -> files.listStatus(path))
        .hasMessage("cannot list " + path + ": " + reason);
    assertThatThrownBy(() -> files.delete(path, true))
        .hasMessage("cannot delete " + path + ": " + reason);
  }

  @Test
  void saysThatTheIdentityHasNoRole() throws Exception {
    try (FaultProxy proxy = new FaultProxy(cloud)) {
      proxy.rule =
          request ->
              FaultProxy.Fault.answered(403, "x-ms-error-code", "AuthorizationPermissionMismatch");
      FileSystem files = cloud.fileSystem(proxy.options(), cloud.location());
      Path path = new Path(base, "x");
      assertThatThrownBy(() -> files.open(path))
          .hasMessage(
              "cannot read %s: account anabranch refuses client %s of tenant %s (AuthorizationPermissionMismatch): give it the role Storage Blob Data Contributor on the account or container, and see that its network is let in"
                  .formatted(
                      path,
                      cloud.identity().get("AZURE_CLIENT_ID"),
                      cloud.identity().get("AZURE_TENANT_ID")));
    }
  }

  @Test
  void saysWhichHostIsNotKnown() throws IOException {
    String location = "abfss://state@nosuchaccount.dfs.core.invalid";
    FileSystem files = cloud.fileSystem(fewRetries(), location);
    assertThatThrownBy(() -> files.exists(new Path(location, "/x")))
        .hasMessage(
            "cannot look up "
                + location
                + "/x: the host of account nosuchaccount is not known: correct the path, or set"
                + " fs.azure.blob.endpoint.nosuchaccount");
  }
}
