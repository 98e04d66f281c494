package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.table.deadletter.DeadLetters;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.types.Row;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SqlBadRecordsTest extends OnTwoPrimaries {
  private static final String COLUMNS = "run STRING NOT NULL, seq BIGINT";

  @Test
  void eachBadRecordIsADeadLetterAndEachGoodOneARow() throws Exception {
    String stream = primaries.stream("spoilt");
    String letters = primaries.stream("letters");
    byte[] big = ("{\"run\":\"" + "x".repeat(2_000) + "\"}").getBytes(UTF_8);
    Map<Long, String> expected = new TreeMap<>();
    for (int i = 0; i < 10; i++) {
      write(stream, "{\"run\":\"good\",\"seq\":%d}".formatted(i).getBytes(UTF_8));
    }
    expected.put(write(stream, "{\"run\":\"cut o".getBytes(UTF_8)), "malformed");
    expected.put(write(stream, "{\"run\":\"r\"} and more".getBytes(UTF_8)), "malformed");
    expected.put(write(stream, "{\"run\":\"r\",\"seq\":NaN}".getBytes(UTF_8)), "malformed");
    expected.put(write(stream, "{\"run\":\"r\",\"seq\":\"x\"}".getBytes(UTF_8)), "wrong-type");
    expected.put(write(stream, "{\"seq\":1}".getBytes(UTF_8)), "missing-field");
    expected.put(
        write(stream, "{\"run\":\"gr\u00fc\u00dfe\"}".getBytes(ISO_8859_1)), "wrong-encoding");
    expected.put(write(stream, big), "too-large");
    expected.put(write(stream, null), "null-value");
    Sql sql =
        new Sql(primaries.topology())
            .union(
                "source",
                stream,
                COLUMNS,
                "'format' = 'json', 'dead-letters' = 'letters', 'max-value-bytes' = '1 kb',"
                    + " 'dead-letters.max-value-bytes' = '1000'");

    assertThat(sql.rows("SELECT run FROM source")).containsOnly(Row.of("good")).hasSize(10);

    assertThat(reasons(primaries.read(letters))).isEqualTo(expected);
    GenericRecord tooLarge =
        primaries.read(letters).stream()
            .map(record -> DeadLetters.decode(record.value()))
            .filter(letter -> letter.get("reason").toString().equals("too-large"))
            .findFirst()
            .orElseThrow();
    assertThat(tooLarge.get("value_length")).isEqualTo((long) big.length);
    assertThat(DeadLetters.bytes(tooLarge, "value")).isEqualTo(Arrays.copyOf(big, 1_000));
  }

  @Test
  void aSecondReadWritesTheSameDeadLettersUnderTheSameIds() throws Exception {
    String stream = primaries.stream("read-twice");
    String letters = primaries.stream("letters-of-two-reads");
    write(stream, "{".getBytes(UTF_8));
    Sql sql =
        new Sql(primaries.topology())
            .union(
                "source",
                stream,
                COLUMNS,
                "'format' = 'json', 'dead-letters' = 'letters-of-two-reads'")
            .union("unread", letters, "letter BYTES", "'format' = 'raw'");

    sql.rows("SELECT * FROM source");
    sql.rows("SELECT * FROM source");

    assertThat(primaries.read(letters)).as("a letter of each read").hasSizeGreaterThanOrEqualTo(2);
    assertThat(sql.rows("SELECT * FROM unread")).as("one is a copy of the other").hasSize(1);
  }

  @Test
  void withoutAStreamForThemTheJobFailsAndNamesTheRecord() throws Exception {
    String stream = primaries.stream("no-letters");
    long offset = write(stream, "{".getBytes(UTF_8));
    Sql sql = new Sql(primaries.topology()).union("source", stream, COLUMNS, "'format' = 'json'");

    assertThatThrownBy(() -> sql.rows("SELECT * FROM source"))
        .rootCause()
        .hasMessageContaining("a record of stream 'no-letters' is malformed")
        .hasMessageContaining("primary a, topic no-letters, partition 0, offset " + offset)
        .hasMessageContaining("next: set 'dead-letters'");
  }

  private static long write(String stream, byte @Nullable [] value) {
    return primaries.produce(primaries.a(), stream, null, value);
  }

  /** Reasons by offset; all records are in one partition of one primary. */
  private static Map<Long, String> reasons(List<ConsumerRecord<byte[], byte[]>> records) {
    Map<Long, String> reasons = new TreeMap<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      assertThat(record.headers().lastHeader("anabranch-schema").value())
          .isEqualTo("dead-letter/1".getBytes(UTF_8));
      GenericRecord letter = DeadLetters.decode(record.value());
      assertThat(letter.get("stream")).hasToString("spoilt");
      assertThat(letter.get("primary")).hasToString("a");
      assertThat(letter.get("cluster_id")).hasToString(primaries.a().clusterId());
      reasons.put((Long) letter.get("offset"), letter.get("reason").toString());
    }
    assertThat(reasons).as("no record has two letters").hasSize(records.size());
    return reasons;
  }
}
