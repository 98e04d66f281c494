package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.LocalDateTime;
import java.util.List;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Watermarks of tables with a primary key, whose deletes have no value. */
@Timeout(120)
class SqlUpsertWatermarkTest extends OnTwoPrimaries {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "of-source|run STRING, ts TIMESTAMP(3)|run|WATERMARK FOR ts AS SOURCE_WATERMARK()",
        "of-record|run STRING, ts TIMESTAMP(3), created TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL|run|WATERMARK FOR created AS SOURCE_WATERMARK()",
        "of-key|run STRING, ts TIMESTAMP(3)|run, ts|WATERMARK FOR ts AS ts - INTERVAL '5' SECOND",
      })
  void aWatermarkGoesByWhatADeleteHas(String name, String columns, String key, String watermark)
      throws Exception {
    String stream = primaries.stream(name);
    String primaryKey = "PRIMARY KEY (%s) NOT ENFORCED".formatted(key);
    Sql sql =
        new Sql(primaries.topology())
            .prism(
                "sink", stream, "run STRING, ts TIMESTAMP(3), " + primaryKey, "'format' = 'json'")
            .union(
                "source",
                stream,
                "%s, %s, %s".formatted(columns, primaryKey, watermark),
                "'format' = 'json'");
    LocalDateTime time = LocalDateTime.of(2026, 1, 1, 0, 0);
    sql.tables()
        .createTemporaryView(
            "changes",
            sql.tables()
                .fromChangelogStream(
                    sql.env()
                        .fromData(
                            Types.ROW(Types.STRING, Types.LOCAL_DATE_TIME),
                            Row.ofKind(RowKind.INSERT, "r1", time),
                            Row.ofKind(RowKind.INSERT, "r2", time),
                            Row.ofKind(RowKind.DELETE, "r2", time))
                        .setParallelism(1),
                    Schema.newBuilder()
                        .column("f0", "STRING NOT NULL")
                        .column("f1", "TIMESTAMP(3) NOT NULL")
                        .primaryKey(key.equals("run") ? List.of("f0") : List.of("f0", "f1"))
                        .build(),
                    ChangelogMode.upsert()));
    sql.insert("INSERT INTO sink SELECT f0, f1 FROM changes");

    assertThat(SqlRoundTripTest.table(sql.rows("SELECT run, ts FROM source")))
        .containsExactly(Row.of("r1", time));
  }
}
