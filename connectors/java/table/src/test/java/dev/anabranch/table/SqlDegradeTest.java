package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import dev.anabranch.table.deadletter.DeadLetters;
import dev.anabranch.testkit.Await;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two copies of each row and of each letter are wanted, and one of two primaries is killed. */
@Timeout(240)
@Tag("long")
class SqlDegradeTest extends OnTwoPrimaries {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir java.nio.file.Path savepoints;

  @Test
  void rowsGoOnWithOneCopyEachIsALetterAndTwoAreWrittenAgainWithoutARestart() throws Exception {
    String stream = primaries.stream("rows", 2);
    String letters = primaries.stream("letters", 2);
    JobClient job = start(stream, letters);

    Await.until(() -> ids(false, stream).size() > 100, LIMIT);
    primaries.b().kill();
    Await.until(() -> letters(letters).size() > 300, LIMIT);
    primaries.b().restart();
    Await.until(() -> areBothWritten(stream, letters), LIMIT);
    // To its end: the last checkpoint waits for rows and letters.
    job.stopWithSavepoint(true, savepoints.toString(), SavepointFormatType.CANONICAL)
        .get(60, TimeUnit.SECONDS);

    Set<RecordId> onA = ids(true, stream);
    Set<RecordId> onB = ids(false, stream);
    Map<RecordId, GenericRecord> listed = letters(letters);
    assertThat(onA).as("a was never hurt").containsAll(onB);
    Set<RecordId> onAOnly = new HashSet<>(onA);
    onAOnly.removeAll(onB);
    assertThat(onAOnly).hasSizeGreaterThan(250);
    // What b has it may have written without saying so.
    assertThat(listed.keySet()).isSubsetOf(onA).containsAll(onAOnly);
    assertThat(listed.values())
        .allSatisfy(
            letter -> {
              assertThat(letter.get("reason")).hasToString("degraded");
              assertThat(letter.get("detail")).hasToString("1 of 2 copies written, to a");
              assertThat(letter.get("stream")).hasToString("rows");
              assertThat(letter.get("primary")).hasToString("a");
              assertThat((Long) letter.get("offset")).isNotNegative();
            });
    sameAsInTheLog(stream, listed);
    // Clients of which nothing is under way notice within some 2 s that a primary is gone.
    assertThat(longestGap(stream))
        .as("degrade-after once, and not again for the letters")
        .isBetween(Duration.ofSeconds(5), Duration.ofSeconds(16));
  }

  /** Fifty rows a second, until it is stopped. */
  private static JobClient start(String stream, String letters) throws Exception {
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink",
                stream,
                "n BIGINT",
                "'format' = 'json', 'record-id' = 'columns', 'record-id.fields' = 'n',"
                    + " 'degrade-after' = '10 s', 'dead-letters' = '"
                    + letters
                    + "'");
    sql.tables()
        .executeSql(
            "CREATE TEMPORARY TABLE numbers (n BIGINT) WITH ('connector' = 'datagen',"
                + " 'rows-per-second' = '50', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0',"
                + " 'fields.n.end' = '1000000')");
    return sql.tables()
        .executeSql("INSERT INTO sink SELECT n FROM numbers")
        .getJobClient()
        .orElseThrow();
  }

  /** The second primary has a hundred rows that are newer than the newest with a letter. */
  private static boolean areBothWritten(String stream, String letters) {
    long newest =
        letters(letters).values().stream()
            .mapToLong(letter -> (Long) letter.get("timestamp_ms"))
            .max()
            .orElseThrow();
    return primaries.read(primaries.b(), stream).stream()
            .filter(row -> row.timestamp() > newest)
            .count()
        > 100;
  }

  private static void sameAsInTheLog(String stream, Map<RecordId, GenericRecord> listed) {
    for (ConsumerRecord<byte[], byte[]> row : primaries.read(primaries.a(), stream)) {
      GenericRecord letter = listed.get(id(row));
      if (letter != null) {
        assertThat(DeadLetters.bytes(letter, "value")).isEqualTo(row.value());
        assertThat(letter.get("timestamp_ms")).isEqualTo(row.timestamp());
      }
    }
  }

  /** For how long no row was written, by their create times. */
  private static Duration longestGap(String stream) {
    long[] times =
        primaries.read(primaries.a(), stream).stream()
            .mapToLong(ConsumerRecord::timestamp)
            .sorted()
            .toArray();
    return Duration.ofMillis(
        IntStream.range(1, times.length)
            .mapToLong(i -> times[i] - times[i - 1])
            .max()
            .orElseThrow());
  }

  private static Set<RecordId> ids(boolean onA, String stream) {
    Set<RecordId> ids = new HashSet<>();
    primaries
        .read(onA ? primaries.a() : primaries.b(), stream)
        .forEach(record -> ids.add(id(record)));
    return ids;
  }

  private static RecordId id(ConsumerRecord<byte[], byte[]> record) {
    return RecordId.fromBytes(record.headers().lastHeader(RecordHeaders.ID).value());
  }

  /** By the record that they are about; of b's there are copies only. */
  private static Map<RecordId, GenericRecord> letters(String letters) {
    Map<RecordId, GenericRecord> byRecord = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> each : primaries.read(primaries.a(), letters)) {
      GenericRecord letter = DeadLetters.decode(each.value());
      byte[] id = ((GenericData.Fixed) letter.get("record_id")).bytes();
      byRecord.put(RecordId.fromBytes(id), letter);
    }
    return byRecord;
  }
}
