package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is refused when a statement is planned: no brokers are needed for that. */
class SqlPlanningTest {
  @TempDir Path directory;
  private Sql sql;

  @BeforeEach
  void topology() throws Exception {
    Path document = directory.resolve("topology.yaml");
    Files.writeString(
        document,
        """
        generation: 1
        groups:
          test:
            primaries: {hall-1: {bootstrap: ["127.0.0.1:1"]},
              hall-2: {bootstrap: ["127.0.0.1:2"], state: removed}}
            streams: {logs: {partitions: 1}, letters: {partitions: 1},
              long: {partitions: 1, retention_s: 864000}}
        """);
    sql = new Sql(document.toString());
  }

  @Test
  void appendsWithoutIdsAreRefusedWithAllChoices() {
    sql.prism("sink", "logs", "n INT", "'format' = 'json', 'job-uid' = 'j'");

    assertThatThrownBy(() -> explainInsert("INSERT INTO sink VALUES (1)"))
        .hasStackTraceContaining("default_catalog.default_database.sink appends records")
        .hasStackTraceContaining("METADATA FROM 'record-id'")
        .hasStackTraceContaining("'record-id' = 'columns'")
        .hasStackTraceContaining("'record-id' = 'none'");
  }

  @Test
  void producerPropertiesThatThePromisesRestOnAreRefused() {
    sql.prism("sink", "logs", "n INT", "'format' = 'json', 'properties.acks' = '1'");

    assertThatThrownBy(() -> explainInsert("INSERT INTO sink VALUES (1)"))
        .isInstanceOf(ValidationException.class)
        .hasStackTraceContaining("producer property 'acks' cannot be set: ");
  }

  @Test
  void aMetadataColumnForTheIdIsEnough() {
    sql.prism(
        "sink",
        "logs",
        "n INT, input BYTES METADATA FROM 'record-id'",
        "'format' = 'json', 'job-uid' = 'j'");

    assertThat(explainInsert("INSERT INTO sink VALUES (1, x'00')")).contains("sink");
  }

  @Test
  void derivedIdsNeedANameOfTheJob() {
    sql.prism("sink", "logs", "n INT, input BYTES METADATA FROM 'record-id'", "'format' = 'json'");

    assertThatThrownBy(() -> explainInsert("INSERT INTO sink VALUES (1, x'00')"))
        .hasStackTraceContaining("set 'job-uid'");
  }

  @Test
  void whatIsForgottenWithinTheRetentionIsRefusedForUpsertsToo() {
    sql.union("plain", "long", "n INT", "'format' = 'json'")
        .union("upserts", "long", "n INT, PRIMARY KEY (n) NOT ENFORCED", "'format' = 'json'")
        .union(
            "longer",
            "long",
            "n INT, PRIMARY KEY (n) NOT ENFORCED",
            "'format' = 'json', 'dedup.horizon' = '11 d'");

    for (String table : new String[] {"plain", "upserts"}) {
      assertThatThrownBy(() -> sql.tables().sqlQuery("SELECT n FROM " + table).explain())
          .hasStackTraceContaining("'dedup.horizon' of stream 'long'");
    }
    assertThat(sql.tables().sqlQuery("SELECT n FROM longer").explain()).contains("longer");
  }

  @Test
  void upsertsNeedNoIds() {
    sql.prism("sink", "logs", "n INT, PRIMARY KEY (n) NOT ENFORCED", "'format' = 'json'")
        .union("source", "logs", "n INT", "'format' = 'json'");

    assertThat(explainInsert("INSERT INTO sink SELECT DISTINCT n FROM source")).contains("sink");
  }

  @Test
  void idColumnsMustExistAndBeText() {
    String options = "'format' = 'json', 'record-id' = 'columns', 'record-id.fields' = ";
    sql.prism("absent", "logs", "n INT", options + "'m'")
        .prism("real_number", "logs", "n DOUBLE", options + "'n'");

    assertThatThrownBy(() -> explainInsert("INSERT INTO absent VALUES (1)"))
        .hasStackTraceContaining("no physical column 'm', but n");
    assertThatThrownBy(() -> explainInsert("INSERT INTO real_number VALUES (CAST(1 AS DOUBLE))"))
        .hasStackTraceContaining("not text or a whole number");
  }

  @Test
  void misspeltStreamsAndPathsAreFoundAtOnce() throws Exception {
    sql.union("wrong_stream", "log", "n INT", "'format' = 'json'")
        .union("wrong_letters", "logs", "n INT", "'format' = 'json', 'dead-letters' = 'letter'");
    Sql elsewhere =
        new Sql(directory.resolve("absent.yaml").toString())
            .union("t", "logs", "n INT", "'format' = 'json'");

    assertThatThrownBy(() -> sql.tables().explainSql("SELECT * FROM wrong_stream"))
        .hasStackTraceContaining("no stream 'log'")
        .hasStackTraceContaining("letters, logs");
    assertThatThrownBy(() -> sql.tables().explainSql("SELECT * FROM wrong_letters"))
        .hasStackTraceContaining("no stream 'letter'");
    assertThatThrownBy(() -> elsewhere.tables().explainSql("SELECT * FROM t"))
        .hasStackTraceContaining("there is no such file");
  }

  @Test
  void lettersMustNotWaitAsLongAsACheckpointMay() {
    String letters = "'format' = 'json', 'dead-letters' = 'letters'";
    sql.tables().getConfig().set("execution.checkpointing.timeout", "30 s");
    sql.union("plain", "logs", "n INT", "'format' = 'json'")
        .union("slow", "logs", "n INT", letters)
        .union("quick", "logs", "n INT", letters + ", 'dead-letters.max-block' = '20 s'")
        .union("hasty", "logs", "n INT", letters + ", 'dead-letters.max-block' = '100 ms'");

    assertRefused(
        "slow",
        "stream letters: dead-letters.max-block (60000 ms) must be less than"
            + " execution.checkpointing.timeout (30000 ms)");
    assertRefused("hasty", "the writer of dead letters: hedge-after (PT0.5S) must be less than");
    for (String table : new String[] {"plain", "quick"}) {
      assertThat(sql.tables().explainSql("SELECT * FROM " + table)).contains(table);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'testing.drop-share' = '7'|'testing.drop-share' = '7' must be a number from 0 to 1",
        "'dedup.horizon' = '-1 d'|'dedup.horizon' = '-1 d' must be a time above 0",
        "'topology.interval' = '0 s'|'topology.interval' = '0 s' must be a time above 0",
        "'scan.startup.timestamp-millis' = '4'|'scan.startup.timestamp-millis' = '4' needs 'scan.startup.mode' = 'timestamp', not 'earliest'",
        "'scan.bounded.timestamp-millis' = '4'|'scan.bounded.timestamp-millis' = '4' needs 'scan.bounded.mode' = 'timestamp', not 'latest'",
        "'dead-letters' = 'logs'|'dead-letters' = 'logs' must be another stream than 'stream'",
      },
      quoteCharacter = '"')
  void unionRefusesAtPlanning(String options, String message) {
    sql.union("source", "logs", "n INT", "'format' = 'json', " + options);

    assertThatThrownBy(() -> sql.tables().explainSql("SELECT * FROM source"))
        .rootCause()
        .isInstanceOf(ValidationException.class)
        .hasMessageStartingWith(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'epoch' = '-1'|'epoch' = '-1' must be a whole number from 0 on",
        "'record-id.fields' = 'n'|'record-id.fields' needs 'record-id' = 'columns', not 'none'",
        "'record-id.sequence-field' = 'n'|'record-id.sequence-field' needs 'record-id' = 'columns', not 'none'",
        "'dead-letters' = 'logs'|'dead-letters' = 'logs' must be another stream than 'stream'",
        "'properties.linger.ms' = '-3'|'properties.linger.ms' = '-3' is refused by Kafka: Invalid value -3",
        "'properties.batch.size' = 'x'|'properties.batch.size' = 'x' is refused by Kafka: Invalid value x",
        "'degrade-after' = '10 s'|degrade-after is for streams with 2 or more copies, and the topology wants 1 of stream 'logs': leave it out",
        "'home' = 'hal-1'|'home' = 'hal-1': stream 'logs' has no primary 'hal-1', did you mean 'hall-1'?; there are: hall-1, hall-2",
      },
      quoteCharacter = '"')
  void prismRefusesAtPlanning(String options, String message) {
    sql.prism("sink", "logs", "n INT", "'format' = 'json', 'record-id' = 'none', " + options);

    assertThatThrownBy(() -> explainInsert("INSERT INTO sink VALUES (1)"))
        .rootCause()
        .isInstanceOf(ValidationException.class)
        .hasMessageStartingWith(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "'home' = 'hall-2'", // A tombstone.
        "'weights' = 'zz:2'",
        "'properties.foo.bar' = '1'",
        "'properties.partitioner.class' = 'only.on.the.Cluster'",
      })
  void prismTakesAtPlanning(String options) {
    sql.prism("sink", "logs", "n INT", "'format' = 'json', 'record-id' = 'none', " + options);

    assertThat(explainInsert("INSERT INTO sink VALUES (1)")).contains("sink");
  }

  @Test
  void rowsMustNotWaitAsLongAsACheckpointMayIfThereAreCheckpoints() {
    String slow = "'format' = 'json', 'max-block' = '20 min', 'record-id' = 'none'";
    String slowLetters = "'dead-letters' = 'letters', 'dead-letters.max-block' = '20 min'";
    sql.prism("sink", "logs", "n INT", slow)
        .union("source", "logs", "n INT", "'format' = 'json', " + slowLetters);
    String refusal =
        "max-block (1200000 ms) must be less than execution.checkpointing.timeout (600000 ms)";

    assertThatThrownBy(() -> explainInsert("INSERT INTO sink VALUES (1)"))
        .hasMessage("stream logs: " + refusal);
    sql.env().getCheckpointConfig().disableCheckpointing();
    assertThat(explainInsert("INSERT INTO sink SELECT n FROM source")).contains("sink");
    sql.tables().getConfig().set("execution.checkpointing.interval", "10 s");
    assertRefused("source", "stream letters: dead-letters." + refusal);
    assertThatThrownBy(() -> explainInsert("INSERT INTO sink VALUES (1)"))
        .hasMessage("stream logs: " + refusal);
  }

  @Test
  void whatUpsertsDoNotNeedIsRefused() {
    String columns = "n INT, PRIMARY KEY (n) NOT ENFORCED";
    sql.union("source", "logs", columns, "'format' = 'json', 'dedup' = 'false'")
        .prism(
            "sink",
            "logs",
            columns,
            "'format' = 'json', 'record-id' = 'columns', 'record-id.fields' = 'n'");

    assertRefused("source", "'dedup' = 'false' has no effect on a table with a PRIMARY KEY");
    assertThatThrownBy(() -> explainInsert("INSERT INTO sink VALUES (1)"))
        .hasStackTraceContaining("'record-id.fields' has no effect on a table with a PRIMARY KEY");
  }

  @ParameterizedTest
  @CsvSource({"record-id, BYTES", "ordinal, INT", "key, BYTES"})
  void metadataThatUpsertsDoNotNeedIsRefused(String key, String type) {
    String column = "m %s METADATA FROM '%s'".formatted(type, key);
    sql.union("source", "logs", "n INT, t INT", "'format' = 'json'")
        .prism("written", "logs", upserts("t INT", column), "'format' = 'json'")
        .prism("unwritten", "logs", upserts("t INT", column + " VIRTUAL"), "'format' = 'json'");

    assertThatThrownBy(
            () -> explainInsert("INSERT INTO written VALUES (1, 1, CAST(NULL AS " + type + "))"))
        .hasStackTraceContaining("METADATA FROM '%s' has no effect on a table".formatted(key))
        .hasStackTraceContaining("VIRTUAL");
    assertThat(explainInsert("INSERT INTO unwritten SELECT n, MAX(t) FROM source GROUP BY n"))
        .contains("unwritten");
  }

  @Test
  void weightsAreTakenAndChecked() {
    String options = "'format' = 'json', 'record-id' = 'none', ";
    sql.prism("whole", "logs", "n INT", options + "'weights' = 'a:2,b:1'")
        .prism("parts", "logs", "n INT", options + "'weights.a' = '2', 'weights.b' = '1'")
        .prism("`none`", "logs", "n INT", options + "'weights' = 'a:0'");

    assertThat(explainInsert("INSERT INTO whole VALUES (1)")).contains("whole");
    assertThat(explainInsert("INSERT INTO parts VALUES (1)")).contains("parts");
    assertThatThrownBy(() -> explainInsert("INSERT INTO `none` VALUES (1)"))
        .hasStackTraceContaining("'weights': the weight of primary 'a' is a whole number from 1");
  }

  @Test
  void modesNeedTheirParameters() {
    sql.union("by_time", "logs", "n INT", "'format' = 'json', 'scan.startup.mode' = 'timestamp'")
        .union(
            "by_group", "logs", "n INT", "'format' = 'json', 'scan.startup.mode' = 'group-offsets'")
        .union("by_version", "logs", "n INT", "'format' = 'json', 'latest-by-version' = 'true'")
        .union("by_key", "logs", "n INT", "'format' = 'json', 'key.fields' = 'n'");

    assertRefused("by_time", "needs 'scan.startup.timestamp-millis'");
    assertRefused("by_group", "'scan.startup.mode' = 'group-offsets' needs 'group-id'");
    assertRefused("by_version", "needs a PRIMARY KEY");
    assertRefused("by_key", "'key.fields' needs 'key.format'");
  }

  @Test
  void positionsOfPrimariesAreTakenAndNamesThatTheGroupLacksRefused() {
    String json = "'format' = 'json', ";
    sql.union("known", "logs", "n INT", json + "'scan.startup.primary.hall-2' = 'latest'")
        .union("starts", "logs", "n INT", json + "'scan.startup.primary.hal-1' = 'latest'")
        .union("stops", "logs", "n INT", json + "'scan.bounded.primary.b' = 'latest'");

    assertThat(sql.tables().explainSql("SELECT * FROM known")).contains("known");
    assertRefused(
        "starts",
        "'scan.startup.primary.hal-1': stream 'logs' has no primary 'hal-1', did you mean"
            + " 'hall-1'?; there are: hall-1, hall-2");
    assertRefused(
        "stops",
        "'scan.bounded.primary.b': stream 'logs' has no primary 'b'; there are: hall-1, hall-2");
  }

  @Test
  void sourceWatermarksAreTaken() {
    sql.union(
        "timed",
        "logs",
        "n INT, created TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', WATERMARK FOR created AS SOURCE_WATERMARK()",
        "'format' = 'json'");

    assertThat(sql.tables().explainSql("SELECT * FROM timed"))
        .contains("watermark=[SOURCE_WATERMARK()]");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "n INT|'watermark.mode' = 'hold'|'watermark.mode' needs WATERMARK FOR … AS SOURCE_WATERMARK()",
        "n INT|'late-records' = 'letters'|'late-records' needs WATERMARK FOR … AS SOURCE_WATERMARK()",
        "TIMED|'watermark.hold.max' = '1 h'|'watermark.hold.max' needs 'watermark.mode' = 'hold'",
        "TIMED|'late-records' = 'logs'|'late-records' = 'logs' must be another stream than 'stream'",
        "TIMED|'late-records' = 'none'|no stream 'none' in the topology",
        "n INT, PRIMARY KEY (n) NOT ENFORCED|'late-records' = 'letters'|is for tables without a PRIMARY KEY",
      })
  void modesOfTheWatermarkNeedAWatermarkOfTheSource(
      String columns, String options, String message) {
    String timed =
        "n INT, created TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', WATERMARK FOR created AS SOURCE_WATERMARK()";
    sql.union("moded", "logs", columns.replace("TIMED", timed), "'format' = 'json', " + options);
    assertRefused("moded", message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "ts TIMESTAMP(3)|WATERMARK FOR ts AS ts - INTERVAL '5' SECOND",
        "text STRING, ts AS TO_TIMESTAMP(text)|WATERMARK FOR ts AS ts",
        "ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL|WATERMARK FOR ts AS ts",
      })
  void aWatermarkByWhatADeleteLacksIsRefused(String columns, String watermark) {
    sql.union("marked", "logs", upserts(columns, watermark), "'format' = 'json'");

    assertRefused("marked", "WATERMARK FOR ts: a table with a PRIMARY KEY has deletes");
    assertRefused("marked", "WATERMARK FOR ts AS SOURCE_WATERMARK()");
    sql.union(
        "appends", "logs", "n INT, %s, %s".formatted(columns, watermark), "'format' = 'json'");
    assertThat(sql.tables().explainSql("SELECT * FROM appends")).contains("appends");
  }

  private static String upserts(String columns, String watermark) {
    return "n INT, %s, %s, PRIMARY KEY (n) NOT ENFORCED".formatted(columns, watermark);
  }

  @Test
  void modesOfTheWatermarkAreTaken() {
    sql.union(
        "moded",
        "logs",
        "n INT, created TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', WATERMARK FOR created AS SOURCE_WATERMARK()",
        "'format' = 'json', 'watermark.mode' = 'hold', 'watermark.hold.max' = '1 d', 'late-records' = 'letters'");
    assertThat(sql.tables().explainSql("SELECT * FROM moded"))
        .contains("watermark=[SOURCE_WATERMARK()]");
  }

  @Test
  void everyOptionIsDocumented() throws Exception {
    String page = Files.readString(Path.of("../../../docs/sql.md"));
    for (DynamicTableFactory factory : Set.of(new UnionTableFactory(), new PrismTableFactory())) {
      Set<ConfigOption<?>> options =
          Stream.concat(factory.requiredOptions().stream(), factory.optionalOptions().stream())
              .collect(Collectors.toSet());
      for (ConfigOption<?> option : options) {
        assertThat(page)
            .as("docs/sql.md, option " + option.key())
            .containsPattern("(?m)^\\| `" + Pattern.quote(option.key()) + "` \\|");
      }
    }
  }

  /** Both pages tell the builder's default, which SQL does not replace by one of its own. */
  @Test
  void whatTheSourceSetsByDefaultIsTheSameInSql() throws Exception {
    Map<ConfigOption<?>, String> shared =
        Map.of(
            UnionOptions.DISCOVERY_INTERVAL, "discoveryInterval",
            UnionOptions.BOUNDED_DEADLINE, "boundedDeadline");
    for (Map.Entry<ConfigOption<?>, String> entry : shared.entrySet()) {
      assertThat(entry.getKey().hasDefaultValue()).as(entry.getKey().key()).isFalse();
      assertThat(defaultIn("sql.md", entry.getKey().key()))
          .isEqualTo(defaultIn("union-source.md", entry.getValue()));
    }
  }

  private static String defaultIn(String page, String option) throws Exception {
    Matcher row =
        Pattern.compile("(?m)^\\| `" + Pattern.quote(option) + "` \\| `?([^|`]+?)`? \\|")
            .matcher(Files.readString(Path.of("../../../docs", page)));
    assertThat(row.find()).as(page + ", option " + option).isTrue();
    return row.group(1);
  }

  private void assertRefused(String table, String message) {
    assertThatThrownBy(() -> sql.tables().explainSql("SELECT * FROM " + table))
        .hasStackTraceContaining(message);
  }

  private String explainInsert(String statement) {
    return sql.tables().explainSql(statement);
  }
}
