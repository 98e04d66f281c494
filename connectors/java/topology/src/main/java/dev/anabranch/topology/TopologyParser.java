package dev.anabranch.topology;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.PropertyBindingException;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.util.stream.Collectors;

/** From the text of a document to a valid {@link Topology}; as strict as the Python side. */
final class TopologyParser {
  private static final ObjectMapper YAML =
      YAMLMapper.builder(
              YAMLFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(YAMLParser.Feature.PARSE_BOOLEAN_LIKE_WORDS_AS_STRINGS)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .enable(
              DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
              DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .build();

  private TopologyParser() {}

  /**
   * Throws {@link TopologyException} with the place in the document, never with a value from it.
   */
  static Topology parse(String text, String where) {
    Topology topology;
    try {
      topology = YAML.readValue(text, Topology.class);
    } catch (JsonProcessingException e) {
      // The cause's message may hold what somebody pasted in place of a reference: it is not kept.
      throw new TopologyException(where + place(e) + ": " + sentence(e));
    }
    if (topology == null) {
      throw new TopologyException(where + ": the document is empty");
    }
    try {
      TopologyRules.check(topology);
    } catch (TopologyException e) {
      throw new TopologyException(where + ": " + e.getMessage(), e);
    }
    return topology;
  }

  private static String place(JsonProcessingException e) {
    JsonLocation location = e.getLocation();
    return location == null || location.getLineNr() < 1 ? "" : ":" + location.getLineNr();
  }

  private static String sentence(JsonProcessingException e) {
    if (!(e instanceof JsonMappingException mapping)) {
      return "not YAML";
    }
    String path =
        mapping.getPath().stream()
            .map(
                step ->
                    step.getFieldName() != null ? step.getFieldName() : "[" + step.getIndex() + "]")
            .collect(Collectors.joining("."));
    if (e instanceof PropertyBindingException unknown) {
      return path + ": unknown field, known are " + unknown.getKnownPropertyIds();
    }
    return (path.isEmpty() ? "the document" : path) + ": missing, unknown or of the wrong type";
  }
}
