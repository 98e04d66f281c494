package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.prism.PrismOptions;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PrismSettingsTest {
  @Test
  void lettersAreWrittenAsRowsAreButForWhatConcernsRowsAlone() {
    Map<String, String> table =
        Map.of(
            "topology", "topology.yaml",
            "stream", "alerts",
            "home", "a",
            "hedge-after", "1 s",
            "max-block", "20 s",
            "max-stale", "1 h",
            "topology.interval", "2 s",
            "max-in-flight.records", "7",
            "properties.linger.ms", "5",
            "properties.max.request.size", "2000");

    assertThat(PrismSettings.of(table, false, "job", "sink").letterOptions())
        .isEqualTo(
            PrismOptions.builder()
                .hedgeAfter(Duration.ofSeconds(1))
                .maxBlock(Duration.ofSeconds(20))
                .maxStale(Duration.ofHours(1))
                .topologyInterval(Duration.ofSeconds(2))
                .maxInFlight(7, 32 << 20)
                .kafka("linger.ms", "5")
                .build());
  }
}
