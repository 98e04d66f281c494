package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.table.datastream.Serializers;
import dev.anabranch.union.RecordDeserializer;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.ValidationException;
import org.junit.jupiter.api.Test;

class ConnectorsTest {
  @Test
  void misspeltOptionsOfASourceAreRefused() {
    assertThatThrownBy(() -> source("scan.startup.mod", "latest"))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("connector 'union' has no option 'scan.startup.mod'")
        .hasMessageContaining("did you mean 'scan.startup.mode'?");
    assertThatThrownBy(() -> source("properties.fetch.max.bytes", "1"))
        .isInstanceOf(ValidationException.class)
        .hasMessageNotContaining("did you mean")
        .hasMessageContaining("there are: dead-letters, ");
    assertThatCode(() -> source("scan.startup.mode", "latest")).doesNotThrowAnyException();
  }

  @Test
  void misspeltOptionsOfASinkAreRefused() {
    assertThatThrownBy(() -> sink("hegde-after", "1 s"))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("connector 'prism' has no option 'hegde-after'")
        .hasMessageContaining("did you mean 'hedge-after'?");
    assertThatThrownBy(() -> sink("weigths.a", "2"))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("connector 'prism' has no option 'weigths.a'");
    assertThatCode(() -> sink("properties.linger.ms", "1")).doesNotThrowAnyException();
    assertThatCode(() -> sink("weights.a", "2")).doesNotThrowAnyException();
    assertThatCode(() -> sink("weights", "a:2,b:1")).doesNotThrowAnyException();
  }

  @Test
  void valuesThatAnOptionDoesNotTakeAreRefused() {
    assertThatThrownBy(() -> source("discovery.interval", "-1 s"))
        .isInstanceOf(ValidationException.class)
        .hasMessageStartingWith("'discovery.interval' = '-1 s' must be a time above 0");
    assertThatThrownBy(() -> sink("epoch", "-1"))
        .isInstanceOf(ValidationException.class)
        .hasMessageStartingWith("'epoch' = '-1' must be a whole number from 0 on");
  }

  @Test
  void modeWithoutWhatItNeedsIsRefused() {
    for (String name : new String[] {"scan.startup", "scan.bounded"}) {
      assertThatThrownBy(() -> source(name + ".mode", "timestamp"))
          .isInstanceOf(ValidationException.class)
          .hasMessageContaining("'timestamp' needs '" + name + ".timestamp-millis'");
      assertThatThrownBy(() -> source(name + ".mode", "group-offsets"))
          .isInstanceOf(ValidationException.class)
          .hasMessageContaining("'group-offsets' needs 'group-id'");
    }
  }

  @Test
  void positionsOfPrimariesAreChecked() {
    assertThatThrownBy(() -> source("scan.startup.primry.b", "latest"))
        .hasMessageContaining("did you mean 'scan.startup.primary'?");
    assertThatThrownBy(() -> source("scan.startup.primary.b", "group-offsets"))
        .isInstanceOf(ValidationException.class)
        .hasMessage("'scan.startup.primary.b' = 'group-offsets' needs 'group-id'");
    assertThatThrownBy(() -> source("scan.bounded.primary.b", "latest"))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("'scan.bounded.primary' needs 'scan.bounded.mode'");
    assertThatCode(() -> source("scan.startup.primary.b", "timestamp:17"))
        .doesNotThrowAnyException();
  }

  @Test
  void onlyTablesKnowThatEventTimeIsThatOfTheRecords() {
    // A DataStream's strategy may assign timestamps: then none is ahead for sure.
    for (String mode : new String[] {"hold", "advance"}) {
      Map<String, String> options = options("watermark.mode", mode);
      assertThat(UnionSettings.of(Configuration.fromMap(options), false).watermarkMode())
          .matches(each -> !each.ofRecords());
    }
  }

  private static void source(String name, String value) {
    Connectors.source(options(name, value), RecordDeserializer.raw());
  }

  private static void sink(String name, String value) {
    Map<String, String> options = options(name, value);
    options.put("record-id", "none");
    Connectors.sink(options, false, Serializers.ofRecords());
  }

  private static Map<String, String> options(String name, String value) {
    return new HashMap<>(Map.of("topology", "t.yaml", "stream", "logs", name, value));
  }
}
