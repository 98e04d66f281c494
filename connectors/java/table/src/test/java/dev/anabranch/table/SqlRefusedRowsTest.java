package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.table.deadletter.DeadLetters;
import java.util.HexFormat;
import java.util.List;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

/** Rows that a table cannot write: none is dropped in silence. */
class SqlRefusedRowsTest extends OnTwoPrimaries {
  private static final String SMALL = "'properties.max.request.size' = '2000'";

  @Test
  void aRecordThatIsTooLargeIsADeadLetterWithItsBytesAndItsDerivedId() throws Exception {
    String stream = primaries.stream("large");
    String letters = primaries.stream("letters-large");
    RecordId input = RecordId.supplied("input", 7);
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink",
                stream,
                "line STRING, input_id BYTES METADATA FROM 'record-id'",
                "'format' = 'raw', 'job-uid' = 'job', 'dead-letters' = 'letters-large',"
                    + " 'dead-letters.max-value-bytes' = '1000', "
                    + SMALL);

    sql.insert(
        "INSERT INTO sink VALUES (REPEAT('x', 5000), X'%s'), ('small', X'%s')"
            .formatted(
                HexFormat.of().formatHex(input.toBytes()),
                HexFormat.of().formatHex(RecordId.supplied("input", 8).toBytes())));

    assertThat(primaries.read(stream))
        .extracting(r -> new String(r.value(), UTF_8))
        .containsOnly("small");
    GenericRecord letter = onlyLetter(letters);
    assertThat(letter.get("reason")).hasToString("too-large");
    assertThat(letter.get("stream")).hasToString("large");
    assertThat(letter.get("job")).hasToString("job");
    assertThat(letter.get("primary")).hasToString("");
    assertThat(letter.get("partition")).isEqualTo(-1);
    assertThat(letter.get("value_length")).isEqualTo(5000L);
    assertThat(DeadLetters.bytes(letter, "value")).isEqualTo("x".repeat(1000).getBytes(UTF_8));
    assertThat(((GenericData.Fixed) letter.get("record_id")).bytes())
        .isEqualTo(RecordId.derived(input, "job", "sink", 0).toBytes());
  }

  @Test
  void aRowOfWhichNoBytesCanBeMadeIsADeadLetterWithItsText() throws Exception {
    String stream = primaries.stream("no-bytes");
    String letters = primaries.stream("letters-no-bytes");
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink",
                stream,
                "run STRING, tags MAP<STRING, STRING>",
                "'format' = 'json', 'record-id' = 'none', 'dead-letters' = 'letters-no-bytes'");
    String insert =
        "INSERT INTO sink SELECT run, MAP[CASE WHEN run = 'r1' THEN CAST(NULL AS STRING) ELSE 'k' END, 'v']"
            + " FROM (VALUES ('r1'), ('r2')) AS t (run)";

    sql.insert(insert);
    sql.insert(insert);

    assertThat(primaries.distinct(stream)).as("the good row, of each insert").hasSize(2);
    assertThat(primaries.read(letters))
        .as("a letter of each insert")
        .hasSizeGreaterThanOrEqualTo(2);
    Sql reader =
        new Sql(primaries.topology()).union("unread", letters, "letter BYTES", "'format' = 'raw'");
    assertThat(reader.rows("SELECT * FROM unread")).as("none is a copy of another").hasSize(2);
    GenericRecord letter = DeadLetters.decode(primaries.read(letters).get(0).value());
    assertThat(letter.get("reason")).hasToString("not-serializable");
    assertThat(letter.get("detail").toString()).contains("field: tags", "null key");
    assertThat(letter.get("value")).isNull();
    assertThat(letter.get("headers").toString()).contains("anabranch-row");
    assertThat(new String(header(letter), UTF_8)).isEqualTo("+I[r1, {null=v}]");
  }

  @Test
  void equalRowsWithoutIdsAreALetterEach() throws Exception {
    String stream = primaries.stream("equal");
    String letters = primaries.stream("letters-equal");
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink",
                stream,
                "line STRING",
                "'format' = 'raw', 'record-id' = 'none', 'dead-letters' = 'letters-equal', "
                    + SMALL)
            .union("unread", letters, "letter BYTES", "'format' = 'raw'");

    sql.insert("INSERT INTO sink VALUES (REPEAT('x', 5000)), (REPEAT('x', 5000))");

    assertThat(sql.rows("SELECT * FROM unread")).hasSize(2);
  }

  @Test
  void anUpsertThatIsTooLargeIsOneLetterHoweverOftenItIsMet() throws Exception {
    String stream = primaries.stream("large-upserts");
    String letters = primaries.stream("letters-large-upserts");
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink",
                stream,
                "run STRING, text STRING, PRIMARY KEY (run) NOT ENFORCED",
                "'format' = 'json', 'dead-letters' = 'letters-large-upserts', " + SMALL)
            .union(
                "source",
                stream,
                "run STRING, text STRING, PRIMARY KEY (run) NOT ENFORCED",
                "'format' = 'json'")
            .union("unread", letters, "letter BYTES", "'format' = 'raw'");
    String insert =
        "INSERT INTO sink SELECT run, MAX(text) FROM"
            + " (VALUES ('r1', REPEAT('x', 5000)), ('r2', 'small')) AS t (run, text) GROUP BY run";

    sql.insert(insert);
    sql.insert(insert);

    assertThat(sql.rows("SELECT run FROM source").stream().distinct()).containsOnly(Row.of("r2"));
    assertThat(sql.rows("SELECT * FROM unread")).hasSize(1);
    assertThat(onlyLetter(letters).get("headers").toString())
        .as("by which a replay knows whether the key has a newer one")
        .contains("anabranch-version");
  }

  @Test
  void withoutAStreamForThemTheJobFailsAndSaysWhatToDo() throws Exception {
    String stream = primaries.stream("no-letters-for-rows");
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink", stream, "line STRING", "'format' = 'raw', 'record-id' = 'none', " + SMALL);

    assertThatThrownBy(() -> sql.insert("INSERT INTO sink VALUES (REPEAT('x', 5000))"))
        .hasStackTraceContaining("a row for stream 'no-letters-for-rows' is too-large")
        .hasStackTraceContaining("next: set 'dead-letters'");
  }

  private static GenericRecord onlyLetter(String letters) {
    List<GenericRecord> found =
        primaries.distinct(letters).stream()
            .map(record -> DeadLetters.decode(record.value()))
            .toList();
    assertThat(found).hasSize(1);
    return found.get(0);
  }

  private static byte[] header(GenericRecord letter) {
    GenericRecord first = (GenericRecord) ((List<?>) letter.get("headers")).get(0);
    return DeadLetters.bytes(first, "value");
  }
}
