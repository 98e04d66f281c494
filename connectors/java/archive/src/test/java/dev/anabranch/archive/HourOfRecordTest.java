package dev.anabranch.archive;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.apache.flink.util.InstantiationUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HourOfRecordTest {
  @ParameterizedTest
  @CsvSource({
    "0, date=1970-01-01/hour=00",
    "3599999, date=1970-01-01/hour=00",
    "3600000, date=1970-01-01/hour=01",
    "1796000400000, date=2026-11-30/hour=01",
    "253402300799999, date=9999-12-31/hour=23",
    "253402300800000, date=none/hour=none",
    "-1, date=none/hour=none",
    "-9223372036854775808, date=none/hour=none",
    "9223372036854775807, date=none/hour=none"
  })
  void isOfTheCreateTimeInUtc(long timestampMs, String folder)
      throws IOException, ClassNotFoundException {
    // As a task gets it.
    HourOfRecord hours = InstantiationUtil.clone(new HourOfRecord("logs"));
    assertThat(folderOf(hours, timestampMs)).isEqualTo("stream=logs/" + folder);
    assertThat(folderOf(hours, timestampMs)).as("again").isEqualTo("stream=logs/" + folder);
  }

  @Test
  void followsTheRecords() {
    HourOfRecord hours = new HourOfRecord("logs");
    assertThat(folderOf(hours, 0)).endsWith("hour=00");
    assertThat(folderOf(hours, 3_600_000)).endsWith("hour=01");
    assertThat(folderOf(hours, 5)).endsWith("hour=00");
  }

  private static String folderOf(HourOfRecord hours, long timestampMs) {
    return hours.getBucketId(Records.at(0, timestampMs), null);
  }
}
