package dev.anabranch.topology;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.PropertyBindingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.util.Map;
import java.util.Set;

/** From the text of a document to a valid {@link Topology}; as strict as the Python side. */
final class TopologyParser {
  private static final ObjectMapper STRICT =
      JsonMapper.builder()
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .enable(
              DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
              DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .withCoercionConfig(
              LogicalType.Textual,
              text ->
                  text.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
          .build();

  /** The fields for which null is a value: as good as leaving them out. */
  private static final Set<String> NULLABLE =
      Set.of("retention_s", "outage_budget_s", "scope", "ca", "token_ca");

  private TopologyParser() {}

  /**
   * Throws {@link TopologyException} with the place in the document, never with a value from it.
   */
  static Topology parse(String text, String where) {
    YamlTree.Parsed parsed = YamlTree.parse(text, where);
    try {
      requireNoNulls(parsed.root(), "");
      Topology topology = STRICT.treeToValue(parsed.root(), Topology.class);
      TopologyRules.check(topology);
      return topology;
    } catch (InvalidFieldException e) {
      throw new TopologyException(where + line(parsed, e.path()) + ": " + e.getMessage());
    } catch (JsonProcessingException e) {
      // The cause's message may hold what somebody pasted in place of a reference: it is not kept.
      String path = path(e);
      String message =
          e instanceof PropertyBindingException unknown
              ? "unknown field, known are " + unknown.getKnownPropertyIds()
              : "missing, unknown or of the wrong type";
      throw new TopologyException(
          where + line(parsed, path) + ": " + (path.isEmpty() ? "" : path + ": ") + message);
    }
  }

  /** To Jackson an explicit null is an absent field; here it is an unfinished line. */
  private static void requireNoNulls(JsonNode node, String path) {
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      String place = YamlTree.join(path, field.getKey());
      if (field.getValue().isNull() && !NULLABLE.contains(field.getKey())) {
        throw new InvalidFieldException(place, "must not be null");
      }
      requireNoNulls(field.getValue(), place);
    }
    for (JsonNode element : node.isArray() ? node : Set.<JsonNode>of()) {
      if (element.isNull()) {
        throw new InvalidFieldException(path, "must not hold null");
      }
    }
  }

  private static String line(YamlTree.Parsed parsed, String path) {
    String at = path;
    while (!parsed.lines().containsKey(at)) {
      // The root is always there.
      at = at.contains(".") ? at.substring(0, at.lastIndexOf('.')) : "";
    }
    return ":" + parsed.lines().get(at);
  }

  private static String path(JsonProcessingException e) {
    String path = "";
    if (e instanceof JsonMappingException mapping) {
      for (JsonMappingException.Reference step : mapping.getPath()) {
        String key = step.getFieldName();
        path = YamlTree.join(path, key != null ? key : Integer.toString(step.getIndex()));
      }
    }
    return path;
  }
}
