package dev.anabranch.topology;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.StringReader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.representer.Representer;
import org.yaml.snakeyaml.resolver.Resolver;

/**
 * A document as a tree with the line of each path. YAML is read as its JSON subset of types ({@code
 * true}, not {@code yes}; {@code 8}, not {@code 010}), also where a value is tagged with its type,
 * and a key that occurs twice is an error: just as in Python, for one text must never mean two
 * things.
 */
final class YamlTree {
  /** A document nests seven deep; aliases could make it endless. */
  private static final int MAX_DEPTH = 20;

  private static final int MAX_NODES = 100_000;

  private static final String INTEGER = "-?(?:0|[1-9][0-9]*)";

  /** Of the values of each tag, but for text. */
  private static final Map<Tag, Pattern> FORMS =
      Map.of(
          Tag.BOOL,
          Pattern.compile("true|false"),
          Tag.INT,
          Pattern.compile(INTEGER),
          Tag.FLOAT,
          Pattern.compile(INTEGER + "(?:\\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"),
          Tag.NULL,
          Pattern.compile("null|~|"));

  private static final class JsonTypes extends Resolver {
    @Override
    protected void addImplicitResolvers() {
      addImplicitResolver(Tag.BOOL, FORMS.get(Tag.BOOL), "tf");
      addImplicitResolver(Tag.INT, FORMS.get(Tag.INT), "-0123456789");
      addImplicitResolver(Tag.FLOAT, FORMS.get(Tag.FLOAT), "-0123456789");
      addImplicitResolver(Tag.NULL, FORMS.get(Tag.NULL), "n~\0");
      addImplicitResolver(Tag.NULL, Pattern.compile(""), null);
    }
  }

  private final String where;
  private final Map<String, Integer> lines = new HashMap<>();
  private int nodes;

  private YamlTree(String where) {
    this.where = where;
  }

  /** A tree and where its parts are. */
  record Parsed(ObjectNode root, Map<String, Integer> lines) {}

  /** Throws {@link TopologyException} where the text is not one YAML mapping. */
  static Parsed parse(String text, String where) {
    YamlTree tree = new YamlTree(where);
    Node node;
    try {
      LoaderOptions options = new LoaderOptions();
      DumperOptions dumping = new DumperOptions();
      Yaml yaml =
          new Yaml(
              new SafeConstructor(options),
              new Representer(dumping),
              dumping,
              options,
              new JsonTypes());
      node = yaml.compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 1 : e.getProblemMark().getLine() + 1;
      throw new TopologyException(where + ":" + line + ": not YAML: " + e.getProblem());
    } catch (YAMLException e) {
      throw new TopologyException(where + ": not YAML");
    }
    if (!(node instanceof MappingNode)) {
      throw new TopologyException(where + ": the document is not a mapping");
    }
    return new Parsed((ObjectNode) tree.build(node, "", 0), tree.lines);
  }

  private JsonNode build(Node node, String path, int depth) {
    lines.putIfAbsent(path, line(node));
    if (depth > MAX_DEPTH || ++nodes > MAX_NODES) {
      throw problem(node, path, "nests too deep or is too large");
    }
    if (node instanceof MappingNode mapping) {
      return object(mapping, path, depth);
    }
    if (node instanceof SequenceNode sequence) {
      ArrayNode array = JsonNodeFactory.instance.arrayNode();
      for (Node child : sequence.getValue()) {
        array.add(build(child, join(path, Integer.toString(array.size())), depth + 1));
      }
      return array;
    }
    return scalar((ScalarNode) node, path);
  }

  private ObjectNode object(MappingNode mapping, String path, int depth) {
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    for (NodeTuple pair : mapping.getValue()) {
      if (!(pair.getKeyNode() instanceof ScalarNode key)) {
        throw problem(pair.getKeyNode(), path, "a key must be a word");
      }
      String place = join(path, key.getValue());
      if (object.has(key.getValue())) {
        throw problem(key, place, "is there twice, first in line " + lines.get(place));
      }
      lines.put(place, line(key));
      object.set(key.getValue(), build(pair.getValueNode(), place, depth + 1));
    }
    return object;
  }

  private JsonNode scalar(ScalarNode node, String path) {
    JsonNodeFactory factory = JsonNodeFactory.instance;
    String text = node.getValue();
    Tag tag = node.getTag();
    if (tag.equals(Tag.STR)) {
      return factory.textNode(text);
    }
    Pattern form = FORMS.get(tag);
    if (form == null) {
      throw problem(node, path, "has a tag that is not known here");
    }
    if (!form.matcher(text).matches()) {
      throw problem(node, path, "is not what its tag says");
    }
    try {
      if (tag.equals(Tag.INT)) {
        return factory.numberNode(new BigInteger(text));
      }
      if (tag.equals(Tag.FLOAT)) {
        return factory.numberNode(new BigDecimal(text));
      }
    } catch (NumberFormatException e) {
      throw problem(node, path, "is not a number");
    }
    if (tag.equals(Tag.BOOL)) {
      return factory.booleanNode(text.equals("true"));
    }
    return factory.nullNode();
  }

  private TopologyException problem(Node node, String path, String message) {
    return new TopologyException(where + ":" + line(node) + ": " + path + ": " + message);
  }

  private static int line(Node node) {
    return node.getStartMark().getLine() + 1;
  }

  static String join(@Nullable String path, String key) {
    return path == null || path.isEmpty() ? key : path + "." + key;
  }
}
