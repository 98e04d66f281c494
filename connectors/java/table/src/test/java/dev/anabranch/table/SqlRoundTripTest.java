package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SqlRoundTripTest extends OnTwoPrimaries {
  @ParameterizedTest
  @ValueSource(strings = {"json", "avro"})
  void whatIsInsertedIsSelected(String format) throws Exception {
    String stream = primaries.stream("round-trip-" + format);
    String columns = "run STRING, seq BIGINT, ok BOOLEAN, tags ARRAY<STRING>";
    String options = "'format' = '%s'".formatted(format);
    Sql sql =
        new Sql(primaries.topology())
            .prism("sink", stream, columns, options + ", 'record-id' = 'none'")
            .union("source", stream, columns, options);

    sql.insert(
        "INSERT INTO sink VALUES ('r1', 1, TRUE, ARRAY['x']), ('r2', 9007199254740993, FALSE, ARRAY['y', 'z'])");

    assertThat(sql.rows("SELECT * FROM source"))
        .containsExactlyInAnyOrder(
            Row.of("r1", 1L, true, new String[] {"x"}),
            Row.of("r2", 9007199254740993L, false, new String[] {"y", "z"}));
  }

  @Test
  void rawCarriesOneColumnAsItIs() throws Exception {
    String stream = primaries.stream("round-trip-raw");
    Sql sql =
        new Sql(primaries.topology())
            .prism("sink", stream, "line STRING", "'format' = 'raw', 'record-id' = 'none'")
            .union("source", stream, "line STRING", "'format' = 'raw'");

    sql.insert("INSERT INTO sink VALUES ('grüße'), ('two')");

    assertThat(sql.rows("SELECT * FROM source"))
        .containsExactlyInAnyOrder(Row.of("grüße"), Row.of("two"));
  }

  @Test
  void metadataIsWrittenAndRead() throws Exception {
    String stream = primaries.stream("metadata");
    byte[] input = RecordId.supplied("input", 5).toBytes();
    byte[] key = "k".getBytes(UTF_8);
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink",
                stream,
                """
                seq BIGINT,
                input BYTES METADATA FROM 'record-id',
                ord INT METADATA FROM 'ordinal',
                created TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
                headers MAP<STRING, BYTES> METADATA,
                k BYTES METADATA FROM 'key'
                """,
                "'format' = 'json', 'job-uid' = 'j', 'sink-uid' = 's'")
            .union(
                "source",
                stream,
                """
                seq BIGINT,
                primary_name STRING METADATA FROM 'primary',
                topic STRING METADATA,
                id BYTES METADATA FROM 'record-id',
                created TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
                headers MAP<STRING, BYTES> METADATA,
                k BYTES METADATA FROM 'key',
                version BYTES METADATA,
                content BIGINT METADATA FROM 'value-hash'
                """,
                "'format' = 'json'");

    sql.insert(
        "INSERT INTO sink SELECT 1, x'%s', 2, TO_TIMESTAMP_LTZ(1700000000123, 3), MAP['h', x'01'], x'%s'"
            .formatted(hex(input), hex(key)));

    List<Row> rows =
        sql.rows(
            "SELECT seq, primary_name, topic, id, created, headers['h'], k, version, content FROM source");
    assertThat(rows).hasSize(1);
    Row row = rows.get(0);
    assertThat(row.getField(0)).isEqualTo(1L);
    assertThat(row.getField(1)).isIn("a", "b");
    assertThat(row.getField(2)).isEqualTo("metadata");
    assertThat(row.getField(3))
        .isEqualTo(RecordId.derived(RecordId.fromBytes(input), "j", "s", 2).toBytes());
    assertThat(row.getField(4)).isEqualTo(Instant.ofEpochMilli(1_700_000_000_123L));
    assertThat(row.getField(5)).isEqualTo(new byte[] {1});
    assertThat(row.getField(6)).isEqualTo(key);
    assertThat(row.getField(7)).isNull();
    // sha256('{"seq":1}')[:8], big-endian, signed.
    assertThat(row.getField(8)).isEqualTo(-5467768227474404010L);
  }

  @Test
  void copiedHeadersLeaveThoseOfTheInputOut() throws Exception {
    String stream = primaries.stream("headers");
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink",
                stream,
                "n INT, headers MAP<STRING, BYTES> METADATA",
                "'format' = 'json', 'record-id' = 'none'");

    sql.insert(
        "INSERT INTO sink VALUES (1, MAP['h', x'01', 'anabranch-id', x'02',"
            + " 'anabranch-version', x'03', 'anabranch-op', x'64', 'anabranch-row', x'05'])");

    assertThat(primaries.distinct(stream))
        .hasSize(1)
        .allSatisfy(
            record -> assertThat(names(record)).containsExactlyInAnyOrder("h", RecordHeaders.ID));
  }

  private static List<String> names(ConsumerRecord<byte[], byte[]> record) {
    List<String> names = new ArrayList<>();
    record.headers().forEach(header -> names.add(header.key()));
    return names;
  }

  @Test
  void columnsGiveIdsThatProducersCanGiveToo() throws Exception {
    String stream = primaries.stream("column-ids");
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink",
                stream,
                "run STRING, seq INT",
                "'format' = 'json', 'record-id' = 'columns', 'record-id.fields' = 'run', 'record-id.sequence-field' = 'seq'")
            .union(
                "source",
                stream,
                "run STRING, seq INT, id BYTES METADATA FROM 'record-id'",
                "'format' = 'json'");

    sql.insert("INSERT INTO sink VALUES ('r1', 7)");
    sql.insert("INSERT INTO sink VALUES ('r1', 7), ('r1', 8)");

    assertThat(sql.rows("SELECT * FROM source"))
        .as("what was inserted twice is read once")
        .containsExactlyInAnyOrder(
            Row.of("r1", 7, RecordId.supplied("column-ids/r1", 7).toBytes()),
            Row.of("r1", 8, RecordId.supplied("column-ids/r1", 8).toBytes()));
    assertThat(primaries.read(stream)).as("all that were inserted").hasSizeGreaterThanOrEqualTo(3);
  }

  @Test
  void upsertsAreReadByVersionAndDeletesDelete() throws Exception {
    Sql sql = upserts("upserts");
    sql.tables()
        .createTemporaryView(
            "changes",
            sql.tables()
                .fromChangelogStream(
                    sql.env()
                        .fromData(
                            Row.ofKind(RowKind.INSERT, "r1", 1L),
                            Row.ofKind(RowKind.INSERT, "r2", 10L),
                            Row.ofKind(RowKind.UPDATE_BEFORE, "r1", 1L),
                            Row.ofKind(RowKind.UPDATE_AFTER, "r1", 2L),
                            Row.ofKind(RowKind.INSERT, "r3", 5L),
                            Row.ofKind(RowKind.DELETE, "r2", 10L),
                            Row.ofKind(RowKind.UPDATE_BEFORE, "r1", 2L),
                            Row.ofKind(RowKind.UPDATE_AFTER, "r1", 3L)))
                .as("run", "total"));

    sql.insert("INSERT INTO sink SELECT run, SUM(total) FROM changes GROUP BY run");

    assertThat(table(sql.rows("SELECT run, total FROM source")))
        .containsExactlyInAnyOrder(Row.of("r1", 3L), Row.of("r3", 5L));
  }

  @Test
  void whatAFilterNoLongerLetsThroughIsDeleted() throws Exception {
    Sql sql = upserts("filtered");
    sql.tables()
        .createTemporaryView(
            "parts",
            sql.tables()
                .fromDataStream(
                    sql.env().fromData(Row.of("r1", 4L), Row.of("r2", 4L), Row.of("r1", 4L)))
                .as("run", "part"));

    sql.insert(
        "INSERT INTO sink SELECT run, SUM(part) FROM parts GROUP BY run HAVING SUM(part) < 8");

    assertThat(table(sql.rows("SELECT run, total FROM source"))).containsExactly(Row.of("r2", 4L));
  }

  @Test
  void keysCanBeColumnsWithoutBeingUpserts() throws Exception {
    String stream = primaries.stream("keyed");
    String columns = "run STRING, seq INT";
    String options =
        "'format' = 'json', 'key.format' = 'raw', 'key.fields' = 'run', 'value.fields-include' = 'EXCEPT_KEY'";
    Sql sql =
        new Sql(primaries.topology())
            .prism("sink", stream, columns, options + ", 'record-id' = 'none'")
            .union("source", stream, columns, options);

    sql.insert("INSERT INTO sink VALUES ('r1', 7)");

    assertThat(sql.rows("SELECT * FROM source")).containsExactly(Row.of("r1", 7));
    assertThat(primaries.distinct(stream))
        .singleElement()
        .satisfies(
            record -> {
              assertThat(new String(record.key(), UTF_8)).isEqualTo("r1");
              assertThat(new String(record.value(), UTF_8)).isEqualTo("{\"seq\":7}");
            });
  }

  /** What a changelog adds up to. */
  static List<Row> table(List<Row> changes) {
    List<Row> rows = new ArrayList<>();
    for (Row change : changes) {
      Row row = Row.copy(change);
      row.setKind(RowKind.INSERT);
      switch (change.getKind()) {
        case INSERT, UPDATE_AFTER -> rows.add(row);
        case UPDATE_BEFORE, DELETE -> assertThat(rows.remove(row)).isTrue();
      }
    }
    return rows;
  }

  /** Tables that write and read totals by run, as upserts. */
  private static Sql upserts(String stream) throws Exception {
    String columns = "run STRING, total BIGINT, PRIMARY KEY (run) NOT ENFORCED";
    String made = primaries.stream(stream);
    return new Sql(primaries.topology())
        .prism("sink", made, columns, "'format' = 'json'")
        .union("source", made, columns, "'format' = 'json'");
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
