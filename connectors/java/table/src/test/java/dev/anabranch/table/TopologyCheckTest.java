package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.dedup.DedupOptions;
import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyReader;
import java.io.IOException;
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
