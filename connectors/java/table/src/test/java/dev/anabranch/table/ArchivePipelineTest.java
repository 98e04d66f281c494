package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.apache.flink.table.api.ValidationException;
import org.junit.jupiter.api.Test;

/** By what a restore finds the state of an archive: what changes here is lost to running jobs. */
class ArchivePipelineTest {
  private final StreamExecutionEnvironment env =
      StreamExecutionEnvironment.getExecutionEnvironment(new Configuration());

  private Map<String, Integer> parallelismByUid(Map<String, String> options) {
    Map<String, String> all = new HashMap<>(options);
    all.put("topology", "topology.yaml");
    all.put("stream", "logs");
    env.setParallelism(3);
    Connectors.archive(env, all, "nowhere://container/archive");
    Map<String, Integer> found = new TreeMap<>();
    for (StreamNode node : env.getStreamGraph().getStreamNodes()) {
      found.put(String.valueOf(node.getTransformationUID()), node.getParallelism());
    }
    return found;
  }

  @Test
  void hasASourceAndAWriterAndACommitter() {
    assertThat(parallelismByUid(Map.of("dedup", "false")))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "archive-logs-union", 3,
                "archive-logs-files", 3,
                "Sink Committer: archive-logs-files", 3));
  }

  @Test
  void deduplicatesBetweenThemUnlessToldOtherwise() {
    assertThat(parallelismByUid(Map.of("scan.parallelism", "2")))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "archive-logs-union", 2,
                "archive-logs-dedup", 2,
                "archive-logs-files", 2,
                "Sink Committer: archive-logs-files", 2));
  }

  @Test
  void refusesOptionsThatTheSourceHasNot() {
    assertThatThrownBy(() -> parallelismByUid(Map.of("json.ignore-parse-errors", "true")))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("json.ignore-parse-errors");
  }
}
