package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.table.deadletter.DeadLetters;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Windows of SQL while a primary is away. */
class SqlWatermarkTest extends OnTwoPrimaries {
  private static final long MINUTE_MS = 60_000;
  private static final long BASE_MS = (System.currentTimeMillis() / MINUTE_MS - 120) * MINUTE_MS;

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
