package dev.anabranch.topology;

import java.util.Map;

/**
 * Writes the one-line form of a JAAS configuration, which is how Kafka clients take credentials.
 */
final class Jaas {
  private Jaas() {}

  /** A required login module with options, in the order of the map. */
  static String line(String module, Map<String, String> options) {
    StringBuilder line = new StringBuilder(module).append(" required");
    options.forEach(
        (name, value) ->
            line.append(' ').append(name).append("=\"").append(escape(value)).append('"'));
    return line.append(';').toString();
  }

  /** Kafka reads the line with a StreamTokenizer: C escapes within quotes, a line end ends them. */
  private static String escape(String value) {
    return value
        .replace("\\", "\\\\")
        .replace("\"", "\\\"")
        .replace("\n", "\\n")
        .replace("\r", "\\r");
  }
}
