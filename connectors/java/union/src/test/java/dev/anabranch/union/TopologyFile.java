package dev.anabranch.union;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;

/** A topology document that a test changes while a job reads it. */
final class TopologyFile {
  private final Path path;
  private final String stream;
  private final Map<String, String> primaries = new LinkedHashMap<>();
  private long generation;

  TopologyFile(Path directory, String stream) {
    this.path = directory.resolve("topology.yaml");
    this.stream = stream;
  }

  String stream() {
    return stream;
  }

  String location() {
    return path.toString();
  }

  /** Adds or changes a primary; {@link #publish} makes it visible. */
  TopologyFile primary(String name, String bootstrap) {
    primaries.put(name, "{bootstrap: [\"" + bootstrap + "\"]}");
    return this;
  }

  /** The same of one that asks who reads; {@code auth} is YAML in one line. */
  TopologyFile primary(String name, String bootstrap, String auth) {
    primaries.put(name, "{bootstrap: [\"" + bootstrap + "\"], auth: " + auth + "}");
    return this;
  }

  /** Has a primary read, and not written to. */
  TopologyFile draining(String name, String bootstrap) {
    primaries.put(name, "{bootstrap: [\"" + bootstrap + "\"], state: draining}");
    return this;
  }

  /** Leaves a tombstone. */
  TopologyFile removed(String name, String bootstrap) {
    primaries.put(name, "{bootstrap: [\"" + bootstrap + "\"], state: removed}");
    return this;
  }

  /** Takes a primary out without a trace. */
  TopologyFile without(String name) {
    primaries.remove(name);
    return this;
  }

  TopologyFile publish() throws IOException {
    StringBuilder text = new StringBuilder("generation: " + ++generation + "\n");
    text.append("groups:\n  g:\n    primaries:\n");
    primaries.forEach((name, body) -> text.append("      " + name + ": " + body + "\n"));
    text.append("    streams:\n      " + stream + ": {partitions: 4, retention_s: 3600}\n");
    write(text.toString());
    return this;
  }

  /** Publishes as that generation, which may not be the next one. */
  TopologyFile publishAs(long number) throws IOException {
    generation = number - 1;
    return publish();
  }

  /** Takes the document away, as a publisher does that is down. */
  void withdraw() throws IOException {
    Files.delete(path);
  }

  /** Publishes that text as it is. */
  void write(String text) throws IOException {
    Path next = path.resolveSibling("topology.next");
    Files.writeString(next, text);
    Files.move(next, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
