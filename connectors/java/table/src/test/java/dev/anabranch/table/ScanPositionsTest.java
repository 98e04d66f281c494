package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.union.StartPosition;
import dev.anabranch.union.StopPosition;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.ValidationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What positions the options say. */
class ScanPositionsTest {
  private static ScanPositions of(Map<String, String> options) {
    return ScanPositions.of(Configuration.fromMap(options));
  }

  @Test
  void eachPrimaryHasItsOwnOrTheModes() {
    ScanPositions positions =
        of(
            Map.of(
                "group-id", "g",
                "scan.startup.mode", "latest",
                "scan.startup.primary.a", "group-offsets",
                "scan.startup.primary.b", "timestamp:1700000000000",
                "scan.startup.primary.c.d", " Earliest ",
                "scan.bounded.mode", "timestamp",
                "scan.bounded.timestamp-millis", "1700000000005",
                "scan.bounded.primary.a", "latest",
                "scan.bounded.primary.b", "timestamp:1700000000007",
                "scan.bounded.primary.c.d", "group-offsets"));
    assertThat(positions.start()).isEqualTo(StartPosition.latest());
    assertThat(positions.starts())
        .isEqualTo(
            Map.of(
                "a", StartPosition.committed(StartPosition.earliest()),
                "b", StartPosition.timestamp(1_700_000_000_000L),
                "c.d", StartPosition.earliest()));
    assertThat(positions.stop()).isEqualTo(StopPosition.timestamp(1_700_000_000_005L));
    assertThat(positions.stops())
        .isEqualTo(
            Map.of(
                "a", StopPosition.latest(),
                "b", StopPosition.timestamp(1_700_000_000_007L),
                "c.d", StopPosition.committed()));
    assertThat(positions.isBounded()).isTrue();
  }

  @Test
  void noneIsGivenUnlessOneIs() {
    assertThat(of(Map.of()))
        .isEqualTo(
            new ScanPositions(StartPosition.earliest(), Map.of(), StopPosition.never(), Map.of()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "earliest-offset",
        "timestamp",
        "timestamp:",
        "timestamp:-1",
        "timestamp:9999999999999999999",
        "latest:5"
      })
  void otherWordsAreRefusedWithThoseThatThereAre(String word) {
    assertThatThrownBy(() -> of(Map.of("scan.startup.primary.b", word)))
        .isInstanceOf(ValidationException.class)
        .hasMessage(
            "'scan.startup.primary.b' = '%s' is no position; there are: earliest, latest,"
                    .formatted(word)
                + " timestamp:<Unix milliseconds>, group-offsets");
  }

  @Test
  void whatEndsOnOnePrimaryEndsOnAll() {
    assertThatThrownBy(
            () -> of(Map.of("scan.bounded.mode", "latest", "scan.bounded.primary.b", "unbounded")))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("there are: latest, timestamp:<Unix milliseconds>, group-offsets");
    assertThatThrownBy(() -> of(Map.of("scan.bounded.primary.b", "latest")))
        .isInstanceOf(ValidationException.class)
        .hasMessageContaining("'scan.bounded.primary' needs 'scan.bounded.mode'");
  }

  @Test
  void aPositionForNobodyIsRefusedBesideOneForAPrimary() {
    assertThatThrownBy(
            () ->
                of(Map.of("scan.startup.primary", "a:latest", "scan.startup.primary.b", "latest")))
        .isInstanceOf(ValidationException.class)
        .hasMessage(
            "'scan.startup.primary' lacks a primary:"
                + " write 'scan.startup.primary.<name>' = '<position>'");
  }
}
