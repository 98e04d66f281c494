package dev.anabranch.topology;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.Serializable;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Independent Kafka clusters, each of which holds every topic of the group and takes writes.
 *
 * @param primaries by name, in the document's order, tombstones included
 * @param streams by name, in the document's order
 */
public record Group(
    @JsonProperty(required = true) Map<String, Primary> primaries,
    @JsonProperty(required = true) Map<String, StreamSpec> streams)
    implements Serializable {
  public Group {
    primaries = Collections.unmodifiableMap(new LinkedHashMap<>(primaries));
    Map<String, StreamSpec> named = new LinkedHashMap<>(streams);
    named.replaceAll((name, spec) -> spec == null ? spec : spec.withTopic(name));
    streams = Collections.unmodifiableMap(named);
  }

  /** The active primaries: those that are written to. */
  public Map<String, Primary> writable() {
    return inState(EnumSet.of(Primary.WantedState.ACTIVE));
  }

  /** The active and draining primaries: those that are read. */
  public Map<String, Primary> readable() {
    return inState(EnumSet.of(Primary.WantedState.ACTIVE, Primary.WantedState.DRAINING));
  }

  private Map<String, Primary> inState(Set<Primary.WantedState> states) {
    Map<String, Primary> found = new LinkedHashMap<>();
    primaries.forEach(
        (name, primary) -> {
          if (states.contains(primary.state())) {
            found.put(name, primary);
          }
        });
    return found;
  }
}
