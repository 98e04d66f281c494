package dev.anabranch.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TopologyParserTest {
  @Test
  void judgesDocumentsAsPythonDoes() {
    List<String> wrong = new ArrayList<>();
    for (JsonNode shared : Vectors.read("topology.json").get("documents")) {
      JsonNode expected = shared.get("error");
      String error = errorOf(shared.get("text").asText());
      boolean isRight =
          expected == null
              ? error == null
              : error != null && error.contains(expected.asText()) && !error.contains("hunter2");
      if (!isRight) {
        wrong.add(shared.get("name").asText() + ": " + error);
      }
    }
    assertThat(wrong).isEmpty();
  }

  private static String errorOf(String text) {
    try {
      TopologyParser.parse(text, "topology.yaml");
      return null;
    } catch (TopologyException e) {
      assertThat(e.getMessage()).startsWith("topology.yaml");
      return e.getMessage();
    }
  }

  @Test
  void followsOnlyWhatMayFollow() {
    for (JsonNode shared : Vectors.read("topology.json").get("followers")) {
      String name = shared.get("name").asText();
      Topology known = TopologyParser.parse(shared.get("known").asText(), "known");
      Topology found = TopologyParser.parse(shared.get("found").asText(), "found");
      String outcome = shared.get("outcome").asText();
      if (outcome.equals("refused")) {
        assertThatThrownBy(() -> TopologyRules.isSuccessor(known, found))
            .as(name)
            .isInstanceOf(TopologyException.class);
      } else {
        assertThat(TopologyRules.isSuccessor(known, found))
            .as(name)
            .isEqualTo(outcome.equals("taken"));
      }
    }
  }

  @Test
  void fillsInDefaultsAndKeepsTheOrder() {
    Topology topology =
        TopologyParser.parse(
            """
            generation: 7
            groups:
              g:
                primaries:
                  z: {bootstrap: ["h:1"]}
                  b: {bootstrap: ["h:2"], state: draining}
                  a: {bootstrap: ["h:3"], state: removed}
                streams:
                  logs: {partitions: 8, copies: 2, retention_s: 60}
            """,
            "topology.yaml");
    Group group = topology.groupOf("logs");
    assertThat(group.primaries().keySet()).containsExactly("z", "b", "a");
    assertThat(group.writable().keySet()).containsExactly("z");
    assertThat(group.readable().keySet()).containsExactly("z", "b");
    assertThat(group.primaries().get("z").auth()).isEqualTo(new Auth.None());
    assertThat(group.streams().get("logs").topic()).isEqualTo("logs");
    assertThat(group.streams().get("logs").retentionS()).isEqualTo(60);
    assertThatThrownBy(() -> topology.groupOf("lags")).hasMessageContaining("lags");
  }
}
