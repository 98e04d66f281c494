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
        Map.ofEntries(
            Map.entry("topology", "topology.yaml"),
            Map.entry("stream", "alerts"),
            Map.entry("home", "a"),
            Map.entry("weights", "a:2"),
            Map.entry("max-block", "20 s"),
            Map.entry("degrade-after", "10 s"),
            Map.entry("max-stale", "1 h"),
            Map.entry("topology.interval", "2 s"),
            Map.entry("max-in-flight.records", "7"),
            Map.entry("properties.linger.ms", "5"),
            Map.entry("properties.max.request.size", "2000"));

    assertThat(PrismSettings.of(table, false, "job", "sink").letterOptions())
        .isEqualTo(
            PrismOptions.builder()
                .maxBlock(Duration.ofSeconds(20))
                .degradeAfter(Duration.ofSeconds(10))
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

  @Test
  void fewerCopiesMustDoBeforeARecordHasFailed() {
    assertThat(settings(Map.of()).options().degradeAfter()).isNull();
    assertThat(settings(Map.of("degrade-after", "59 s")).options().degradeAfter()).hasSeconds(59);
    assertThatThrownBy(() -> settings(Map.of("degrade-after", "60 s")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "degrade-after (PT1M) must be less than max-block (PT1M), after which a record has failed");
  }

  private static Map<String, Integer> weights(Map<String, String> given) {
    return settings(given).options().weights();
  }

  private static PrismSettings settings(Map<String, String> given) {
    Map<String, String> table = new HashMap<>(given);
    table.put("topology", "topology.yaml");
    table.put("stream", "alerts");
    return PrismSettings.of(table, false, "job", "sink");
  }
}
