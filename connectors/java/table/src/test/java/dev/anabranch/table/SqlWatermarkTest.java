package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.table.deadletter.DeadLetters;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Windows of SQL while a primary is away. */
class SqlWatermarkTest extends OnTwoPrimaries {
  private static final long MINUTE_MS = 60_000;
  private static final long BASE_MS = (System.currentTimeMillis() / MINUTE_MS - 120) * MINUTE_MS;

  private static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir Path savepoints;

  @ParameterizedTest
  @ValueSource(strings = {"true", "false"})
  @SuppressWarnings("try") // Flink declares that closing may throw anything.
  void advanceCountsWithoutADeadPrimaryAndWhatThatHadGoesToTheLateStream(String dedup)
      throws Exception {
    String stream = primaries.stream("advancing-" + dedup);
    String late = primaries.stream("late-" + dedup);
    Sql sql =
        windows(
            stream,
            "'watermark.mode' = 'advance', 'watermark.idle-timeout' = '2 s', 'dedup' = '"
                + dedup
                + "', 'late-records' = '"
                + late
                + "'");
    write(primaries.a(), stream, 0, 3);
    write(primaries.b(), stream, 0, 3);
    try (CloseableIterator<Row> rows = counts(sql)) {
      assertThat(next(rows, 3)).containsExactly(20L, 20L, 20L);
      primaries.b().kill();
      write(primaries.a(), stream, 4, 8);
      assertThat(next(rows, 5)).containsExactly(20L, 10L, 10L, 10L, 10L);
      primaries.b().restart();
      write(primaries.b(), stream, 4, 7);
      Await.until(() -> letters(late).size() >= 40, Duration.ofSeconds(60));
    }
    assertThat(letters(late)).hasSize(40).allMatch(id -> id.startsWith("late b-"));
  }

  @Tag("long")
  @Test
  void whatTheWindowsWereCountedWithoutIsLateOverARestoreToo() throws Exception {
    String stream = primaries.stream("restored");
    String late = primaries.stream("late-restored");
    String counts = primaries.stream("counts-restored");
    write(primaries.a(), stream, 0, 3);
    write(primaries.b(), stream, 0, 3);
    JobClient job = countInto(counts, stream, late, null);
    Await.untilAsserted(() -> assertThat(counts(counts)).containsOnlyKeys(0L, 1L, 2L), LIMIT);
    primaries.b().kill();
    write(primaries.a(), stream, 4, 8);
    Await.untilAsserted(() -> assertThat(counts(counts)).hasSize(8), LIMIT);
    String savepoint =
        job.stopWithSavepoint(false, savepoints.toString(), SavepointFormatType.CANONICAL)
            .get(60, TimeUnit.SECONDS);

    primaries.b().restart();
    write(primaries.b(), stream, 4, 7); // Of minutes that were counted without them.
    job = countInto(counts, stream, late, savepoint);
    Await.until(() -> letters(late).size() >= 40, LIMIT);
    write(primaries.a(), stream, 9, 12);
    write(primaries.b(), stream, 9, 12);
    Await.untilAsserted(() -> assertThat(counts(counts)).containsKey(11L), LIMIT);
    job.cancel().get(60, TimeUnit.SECONDS);

    // What a catches up with alone is late of b, or the other way round; together it is all.
    long lateLater = letters(late).stream().filter(id -> id.matches("late .-9-.*")).count();
    assertThat(letters(late)).hasSize((int) (40 + lateLater));
    long counted = counts(counts).values().stream().mapToLong(Long::longValue).sum();
    assertThat(counted + lateLater).isEqualTo(4 * 20 + 5 * 10 + 3 * 20);
  }

  @Test
  @SuppressWarnings("try") // Flink declares that closing may throw anything.
  void holdWaitsForADeadPrimary() throws Exception {
    String stream = primaries.stream("holding");
    Sql sql = windows(stream, "'watermark.mode' = 'hold', 'watermark.idle-timeout' = '2 s'");
    write(primaries.a(), stream, 0, 3);
    write(primaries.b(), stream, 0, 3);
    primaries.b().kill();
    try (CloseableIterator<Row> rows = counts(sql)) {
      Thread.sleep(8_000);
      primaries.b().restart();
      assertThat(next(rows, 3)).containsExactly(20L, 20L, 20L);
    }
  }

  private static Sql windows(String stream, String options) throws Exception {
    Sql sql = new Sql(primaries.topology());
    sql.tables()
        .executeSql(
            "CREATE TEMPORARY TABLE source (name STRING, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'"
                + " VIRTUAL, WATERMARK FOR ts AS SOURCE_WATERMARK()) WITH ('connector' = 'union',"
                + " 'topology' = '%s', 'stream' = '%s', 'format' = 'json', 'watermark.delay' = '0 s',"
                    .formatted(primaries.topology(), stream)
                + " 'topology.interval' = '1 s', 'discovery.interval' = '1 s', "
                + options
                + ")");
    return sql;
  }

  private static JobClient countInto(
      String counts, String stream, String late, @Nullable String savepoint) throws Exception {
    Sql sql =
        windows(
            stream,
            "'watermark.mode' = 'advance', 'watermark.idle-timeout' = '2 s', 'late-records' = '"
                + late
                + "'");
    sql.prism(
        "sink", counts, "line STRING", "'format' = 'raw', 'record-id' = 'none', 'home' = 'a'");
    if (savepoint != null) {
      sql.env()
          .configure(Configuration.fromMap(Map.of("execution.state-recovery.path", savepoint)));
    }
    return sql.tables()
        .executeSql(
            "INSERT INTO sink SELECT CONCAT(CAST(UNIX_TIMESTAMP(CAST(window_start AS STRING)) AS"
                + " STRING), ' ', CAST(COUNT(*) AS STRING)) FROM TABLE(TUMBLE(TABLE source,"
                + " DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end")
        .getJobClient()
        .orElseThrow();
  }

  /** What each minute was counted as, in all of its windows together, as their home has it. */
  private static Map<Long, Long> counts(String stream) {
    Map<Long, Long> counts = new TreeMap<>();
    primaries.read(primaries.a(), stream).stream()
        .map(record -> new String(record.value(), UTF_8))
        .distinct() // A retry may have left a second copy.
        .map(line -> line.split(" "))
        .forEach(
            each ->
                counts.merge(
                    (Long.parseLong(each[0]) * 1000 - BASE_MS) / MINUTE_MS,
                    Long.parseLong(each[1]),
                    Long::sum));
    return counts;
  }

  private static CloseableIterator<Row> counts(Sql sql) {
    return sql.tables()
        .executeSql(
            "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE source, DESCRIPTOR(ts),"
                + " INTERVAL '1' MINUTE)) GROUP BY window_start, window_end")
        .collect();
  }

  private static List<Long> next(CloseableIterator<Row> rows, int count) {
    List<Long> counts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      counts.add((Long) rows.next().getField(1));
    }
    return counts;
  }

  /** Ten records of each of these minutes. */
  private static void write(LocalBroker broker, String stream, int from, int to) throws Exception {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrap()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (int i = 0; i < (to - from + 1) * 10; i++) {
        long at = BASE_MS + from * MINUTE_MS + i * MINUTE_MS / 10;
        String value = "{\"name\": \"%s-%d-%d\"}".formatted(broker.name(), from, i);
        producer.send(new ProducerRecord<>(stream, i % 2, at, null, value.getBytes(UTF_8))).get();
      }
    }
  }

  /** Reason and name of each late record: a hedge may have left a second copy of its letter. */
  private static Set<String> letters(String late) {
    Set<String> letters = new TreeSet<>();
    primaries
        .read(late)
        .forEach(
            record -> {
              GenericRecord letter = DeadLetters.decode(record.value());
              String value = new String(DeadLetters.bytes(letter, "value"), UTF_8);
              letters.add(letter.get("reason") + " " + value.replaceAll(".*: \"|\".*", ""));
            });
    return letters;
  }
}
