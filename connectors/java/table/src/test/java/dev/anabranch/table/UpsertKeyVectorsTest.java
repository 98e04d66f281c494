package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.anabranch.testkit.TestProducer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.table.api.StatementSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;

/**
 * The keys that a job writes are those of {@code tests/unit/vectors/upsert_keys.json}, to which
 * {@code anabranch produce --upsert} is held as well ({@code test_line_keys.py}).
 */
class UpsertKeyVectorsTest extends OnTwoPrimaries {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String OPTIONS = "'format' = 'json'";

  @Test
  void aJobWritesTheseKeys() throws Exception {
    JsonNode file = JSON.readTree(vectors().toFile());
    List<JsonNode> cases = new ArrayList<>();
    file.required("cases").forEach(cases::add);
    file.required("refused").forEach(cases::add);
    String lines = primaries.stream("lines");
    Map<String, List<Long>> numbersByFields = new LinkedHashMap<>();
    Map<Long, String> expected = new TreeMap<>();
    try (TestProducer producer = new TestProducer(primaries.a(), Map.of())) {
      for (JsonNode each : cases) {
        byte[] line = each.required("line").asText().getBytes(UTF_8);
        long number =
            producer.kafka().send(new ProducerRecord<>(lines, 0, null, line)).get().offset();
        expected.put(number, each.required("key").asText());
        String fields = each.required("fields").asText();
        numbersByFields.computeIfAbsent(fields, absent -> new ArrayList<>()).add(number);
      }
    }

    Map<Long, String> written =
        writtenKeys(lines, columns(file.required("columns")), numbersByFields);

    assertThat(written).containsExactlyEntriesOf(expected);
  }

  /** Keys by the number of the line, of one job with an output for each choice of fields. */
  private static Map<Long, String> writtenKeys(
      String lines, Map<String, String> types, Map<String, List<Long>> numbersByFields)
      throws Exception {
    String columns = "n BIGINT METADATA FROM 'offset', " + declared(types.keySet(), types);
    Sql sql = new Sql(primaries.topology()).union("lines", lines, columns, OPTIONS);
    // Each of the outputs has a writer a subtask, and each writer a client a primary.
    sql.tables().getConfig().set("table.exec.resource.default-parallelism", "1");
    StatementSet statements = sql.tables().createStatementSet();
    List<String> outputs = new ArrayList<>();
    numbersByFields.forEach(
        (fields, numbers) -> {
          String output = primaries.stream("keys-" + outputs.size());
          outputs.add(output);
          // In the table's order of columns, which is not the key's.
          List<String> key = List.of(fields.split(","));
          List<String> names = types.keySet().stream().filter(key::contains).toList();
          String table = quoted(output);
          String declared =
              "%s, n BIGINT, PRIMARY KEY (%s) NOT ENFORCED"
                  .formatted(declared(names, types), allQuoted(key));
          sql.prism(table, output, declared, OPTIONS);
          String wanted = numbers.stream().map(String::valueOf).collect(joining(", "));
          statements.addInsertSql(
              "INSERT INTO %s SELECT %s, MAX(n) FROM `lines` WHERE n IN (%s) GROUP BY %2$s"
                  .formatted(table, allQuoted(names), wanted));
        });
    statements.execute().await();
    Map<Long, String> keys = new TreeMap<>();
    for (String output : outputs) {
      for (ConsumerRecord<byte[], byte[]> record : primaries.read(output)) {
        keys.put(JSON.readTree(record.value()).required("n").asLong(), text(record.key()));
      }
    }
    return keys;
  }

  private static String declared(Collection<String> names, Map<String, String> types) {
    return names.stream().map(name -> quoted(name) + " " + types.get(name)).collect(joining(", "));
  }

  /** The bytes, in a form that shows a difference. */
  private static String text(byte[] key) {
    String text = new String(key, UTF_8);
    assertThat(text.getBytes(UTF_8)).as("valid UTF-8").isEqualTo(key);
    return text;
  }

  private static Map<String, String> columns(JsonNode types) {
    Map<String, String> columns = new LinkedHashMap<>();
    types.properties().forEach(each -> columns.put(each.getKey(), each.getValue().asText()));
    return columns;
  }

  private static String allQuoted(List<String> names) {
    return names.stream().map(UpsertKeyVectorsTest::quoted).collect(joining(", "));
  }

  private static String quoted(String name) {
    return "`" + name + "`";
  }

  private static Path vectors() throws IOException {
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      Path file = at.resolve("tests/unit/vectors/upsert_keys.json");
      if (Files.exists(file)) {
        return file;
      }
    }
    throw new IOException("no tests/unit/vectors/upsert_keys.json above the module");
  }
}
