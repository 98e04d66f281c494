package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.anabranch.dedup.DedupOptions;
import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyReader;
import dev.anabranch.topology.TopologyWatcher;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.table.api.ValidationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TopologyCheckTest {
  @TempDir Path folder;

  @Test
  void horizonBelowTheRetentionIsRefused() throws IOException {
    Topology topology = retained("retention_s: 864000");
    assertThatThrownBy(() -> TopologyCheck.horizon(topology, "logs", horizon(9)))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("dedup.horizon")
        .hasMessageContaining("logs");
    assertThatCode(() -> TopologyCheck.horizon(topology, "logs", horizon(10)))
        .doesNotThrowAnyException();
  }

  @Test
  void unknownRetentionIsNotChecked() throws IOException {
    Topology topology = retained("copies: 1");
    assertThatCode(() -> TopologyCheck.horizon(topology, "logs", horizon(1)))
        .doesNotThrowAnyException();
  }

  @Test
  void aFileThatIsGoneIsPlannedByItsCachedCopy() throws IOException {
    Topology topology = retained("copies: 1");
    Path document = folder.resolve("topology.yaml");
    TopologyWatcher.open(document.toString(), Duration.ofSeconds(10), null).close();
    Files.delete(document);

    assertThat(TopologyCheck.streams(document.toString(), "logs")).isEqualTo(topology);
    assertThatThrownBy(() -> TopologyCheck.streams(document.toString(), "log"))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("no stream 'log'");
    assertThatThrownBy(() -> TopologyCheck.streams(folder.resolve("absent.yaml").toString()))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("there is no such file, and no copy in the cache");
  }

  @Test
  void secretsOfTheUrlAreNotShown() throws IOException {
    byte[] document =
        "generation: 1\ngroups: {g: {primaries: {a: {bootstrap: ['h:1']}}, streams: {}}}"
            .getBytes(UTF_8);
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext(
        "/",
        exchange -> {
          exchange.sendResponseHeaders(200, document.length);
          exchange.getResponseBody().write(document);
          exchange.close();
        });
    server.start();
    String host = "127.0.0.1:" + server.getAddress().getPort();
    String location = "http://me:HUNTER2@" + host + "/t.yaml?sig=HUNTER3";
    try {
      assertThatThrownBy(() -> TopologyCheck.streams(location, "logs"))
          .isInstanceOf(ValidationException.class)
          .hasMessageContaining("http://" + host + "/t.yaml")
          .hasMessageNotContaining("HUNTER");
    } finally {
      server.stop(0);
    }
  }

  private static DedupOptions horizon(int days) {
    return DedupOptions.defaults().withHorizon(Duration.ofDays(days));
  }

  private Topology retained(String field) throws IOException {
    Path document = folder.resolve("topology.yaml");
    Files.writeString(
        document,
        """
        generation: 1
        groups:
          g:
            primaries:
              a: {bootstrap: ["127.0.0.1:1"]}
            streams:
              logs: {partitions: 1, %s}
        """
            .formatted(field));
    return new TopologyReader(document.toString()).read();
  }
}
