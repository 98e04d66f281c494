package dev.anabranch.topology;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.Serializable;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One valid version of the topology document.
 *
 * @param generation grows with every publication
 * @param groups by name
 */
public record Topology(
    @JsonProperty(required = true) long generation,
    @JsonProperty(required = true) Map<String, Group> groups)
    implements Serializable {
  public Topology {
    groups = Collections.unmodifiableMap(new LinkedHashMap<>(groups));
  }

  /** The group that has that stream; stream names are unique over the whole document. */
  public Group groupOf(String stream) {
    return groups.values().stream()
        .filter(group -> group.streams().containsKey(stream))
        .findFirst()
        .orElseThrow(
            () -> new TopologyException("no stream '" + stream + "' in any group of the topology"));
  }
}
