package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.prism.PrismOptions;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.table.api.ValidationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrismSettingsTest {
  @Test
  void lettersAreWrittenAsRowsAreButForWhatConcernsRowsAlone() {
    Map<String, String> table =
        Map.of(
            "topology", "topology.yaml",
            "stream", "alerts",
            "home", "a",
            "weights", "a:2",
            "max-block", "20 s",
            "max-stale", "1 h",
            "topology.interval", "2 s",
            "max-in-flight.records", "7",
            "properties.linger.ms", "5",
            "properties.max.request.size", "2000");

    assertThat(PrismSettings.of(table, false, "job", "sink").letterOptions())
        .isEqualTo(
            PrismOptions.builder()
                .maxBlock(Duration.ofSeconds(20))
                .maxStale(Duration.ofHours(1))
                .topologyInterval(Duration.ofSeconds(2))
                .maxInFlight(7, 32 << 20)
                .kafka("linger.ms", "5")
                .build());
  }

  @Test
  void weightsAreAMapInBothWaysOfWritingOne() {
    Map<String, Integer> expected = Map.of("a", 2, "b", 1);

    assertThat(weights(Map.of("weights", "a:2,b:1"))).isEqualTo(expected);
    assertThat(weights(Map.of("weights", "a: 2, b: 1"))).isEqualTo(expected);
    assertThat(weights(Map.of("weights.a", "2", "weights.b", "1"))).isEqualTo(expected);
    assertThat(weights(Map.of())).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-1", "1.5", "x", ""})
  void aWeightThatIsNoShareIsRefused(String share) {
    assertThatThrownBy(() -> weights(Map.of("weights.a", share)))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("'weights': the weight of primary 'a'")
        .hasMessageContaining("not '" + share + "'");
  }

  private static Map<String, Integer> weights(Map<String, String> given) {
    Map<String, String> table = new HashMap<>(given);
    table.put("topology", "topology.yaml");
    table.put("stream", "alerts");
    return PrismSettings.of(table, false, "job", "sink").options().weights();
  }
}
