package dev.anabranch.records;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Holds the Java ids to the cases that the Python ones are held to. */
class RecordIdVectorsTest {
  private static final HexFormat HEX = HexFormat.of();
  private static JsonNode vectors;

  @BeforeAll
  static void read() throws IOException {
    Path at = Path.of("").toAbsolutePath();
    while (!Files.exists(at.resolve("tests/unit/vectors/ids.json"))) {
      at = at.getParent();
      assertThat(at).as("a folder above the module with tests/unit/vectors/ids.json").isNotNull();
    }
    vectors = new ObjectMapper().readTree(at.resolve("tests/unit/vectors/ids.json").toFile());
  }

  @Test
  void supplied() {
    for (JsonNode each : vectors.required("supplied")) {
      assertThat(RecordId.supplied(each.get("scope").asText(), each.get("sequence").asLong()))
          .isEqualTo(id(each, "id"));
    }
    assertThat(vectors.get("supplied").size()).isPositive();
  }

  @Test
  void derived() {
    for (JsonNode each : vectors.required("derived")) {
      assertThat(
              RecordId.derived(
                  id(each, "source"),
                  each.get("job_uid").asText(),
                  each.get("sink_uid").asText(),
                  each.get("ordinal").asInt()))
          .isEqualTo(id(each, "id"));
    }
    assertThat(vectors.get("derived").size()).isPositive();
  }

  @Test
  void foreign() {
    for (JsonNode each : vectors.required("foreign")) {
      assertThat(
              RecordId.foreign(
                  each.get("cluster_id").asText(),
                  each.get("topic_id").asText(),
                  each.get("partition").asInt(),
                  each.get("offset").asLong()))
          .isEqualTo(id(each, "id"));
    }
    assertThat(vectors.get("foreign").size()).isPositive();
  }

  @Test
  void replayed() {
    for (JsonNode each : vectors.required("replayed")) {
      assertThat(RecordId.replayed(id(each, "original"), each.get("replay").asInt()))
          .isEqualTo(id(each, "id"));
    }
    assertThat(vectors.get("replayed").size()).isPositive();
  }

  private static RecordId id(JsonNode node, String field) {
    return RecordId.fromBytes(HEX.parseHex(node.required(field).asText()));
  }
}
