package dev.anabranch.table.deadletter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.prism.DeliveryException;
import dev.anabranch.prism.PrismOptions;
import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class DeadLetterStreamTest {
  @TempDir Path folder;

  @Test
  @Timeout(30)
  void theTaskWaitsNoLongerThanMaxBlockWhereNoPrimaryTakesTheLetter() throws Exception {
    Path document = folder.resolve("topology.yaml");
    Files.writeString(
        document,
        """
        generation: 1
        groups:
          g: {primaries: {a: {bootstrap: ["127.0.0.1:1"]}}, streams: {letters: {partitions: 1}}}
        """);
    PrismOptions options =
        PrismOptions.builder()
            .maxBlock(Duration.ofSeconds(1))
            .cacheDirectory(folder.toString())
            .build();
    DeadLetterStream stream = new DeadLetterStream(document.toString(), "letters", 1000, options);

    try (BadRecordPolicy.Handler letters = stream.open("logs", "job")) {
      letters.handle(record(), Reason.MALFORMED, "cut off");

      assertThatThrownBy(letters::flush)
          .isInstanceOf(DeliveryException.class)
          .hasMessageContaining("undelivered for 1000 ms (max-block)");
    }
  }

  private static RawRecord record() {
    Origin origin = new Origin("a", "A", "logs", "t", 0);
    byte[] value = "{".getBytes(UTF_8);
    RecordId id = RecordId.supplied("logs", 0);
    return new RawRecord(origin, 0, 0, null, value, id, false, new RawHeader[] {});
  }
}
