package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One sentence for each way in which there is no connection. */
class ConnectionTest {
  private final Cloud cloud = Cloud.local();
  private final Path path = new Path(cloud.location(), "x");
  private final Configuration options = new Configuration();

  @TempDir java.nio.file.Path scratch;

  @BeforeEach
  void failSoon() {
    options.set(AzureBlobOptions.RETRIES, 1);
  }

  private FileSystem files() throws IOException {
    return cloud.fileSystem(options, cloud.location());
  }

  @Test
  void saysThatNobodyListens() throws IOException {
    int port;
    try (ServerSocket taken = new ServerSocket(0)) {
      port = taken.getLocalPort();
    }
    options.setString(
        "fs.azure.blob.endpoint.anabranch", "https://127.0.0.1:" + port + "/anabranch");
    FileSystem files = files();
    assertThatThrownBy(() -> files.exists(path))
        .hasMessage("cannot look up " + path + ": account anabranch cannot be reached");
  }

  /** As a balancer does whose servers are all gone. */
  @Test
  void asksAgainWhereConnectionsEndAtOnce() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    try (ServerSocket balancer = new ServerSocket(0)) {
      Thread ending =
          new Thread(
              () -> {
                try {
                  while (true) {
                    balancer.accept().close();
                    asked.incrementAndGet();
                  }
                } catch (IOException e) {
                  // the test has ended
                }
              });
      ending.start();
      options.setString(
          "fs.azure.blob.endpoint.anabranch",
          "https://127.0.0.1:" + balancer.getLocalPort() + "/anabranch");
      FileSystem files = files();
      assertThatThrownBy(() -> files.exists(path))
          .hasMessage(
              "cannot look up "
                  + path
                  + ": account anabranch, or the token service, ends connections at once: it is"
                  + " down");
      // The JDK asks twice by itself.
      assertThat(asked.get()).isGreaterThanOrEqualTo(4);
    }
  }

  @Test
  void saysThatACertificateIsOfAnUnknownAuthority() throws IOException {
    java.nio.file.Path none = Files.createFile(scratch.resolve("none.pem"));
    options.set(AzureBlobOptions.CA_FILE, none.toString());
    FileSystem files = files();
    assertThatThrownBy(() -> files.exists(path))
        .hasMessageStartingWith(
            "cannot look up " + path + ": TLS with account anabranch or the token service failed (")
        .hasMessageEndingWith(
            "): where a certificate is of an authority of your own, set fs.azure.blob.ca-file");
  }

  @Test
  void saysThatTheFileOfAuthoritiesIsWrong() throws IOException {
    java.nio.file.Path absent = scratch.resolve("absent.pem");
    options.set(AzureBlobOptions.CA_FILE, absent.toString());
    assertThatThrownBy(this::files).hasMessage("fs.azure.blob.ca-file: cannot read " + absent);
    java.nio.file.Path wrong = Files.writeString(scratch.resolve("wrong.pem"), "nonsense");
    options.set(AzureBlobOptions.CA_FILE, wrong.toString());
    assertThatThrownBy(this::files)
        .hasMessage("fs.azure.blob.ca-file: no certificates can be read from " + wrong);
  }

  @Test
  void saysWhatAPathMustLookLike() {
    for (String location : new String[] {"abfss:///x", "abfss://account.dfs.core.windows.net/x"}) {
      assertThatThrownBy(() -> cloud.fileSystem(options, location))
          .hasMessage(
              location
                  + " names no container and account: it must look like"
                  + " abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH");
    }
  }

  @Test
  void saysWhichOptionIsWrong() {
    options.setString("fs.azure.blob.read.threads", "0");
    assertThatThrownBy(this::files).hasMessage("fs.azure.blob.read.threads must be at least 1");
    options.setString("fs.azure.blob.read.threads", "many");
    assertThatThrownBy(this::files).hasMessageContaining("fs.azure.blob.read.threads");
  }
}
