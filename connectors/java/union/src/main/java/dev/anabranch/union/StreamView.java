package dev.anabranch.union;

import dev.anabranch.topology.Group;
import dev.anabranch.topology.Primary;
import dev.anabranch.topology.StreamSpec;
import dev.anabranch.topology.Topology;
import java.io.Serializable;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What one stream's readers need of a topology document.
 *
 * @param generation of the document
 * @param topic name of the stream's topic
 * @param spec the stream
 * @param primaries of its group by name, tombstones included
 */
public record StreamView(
    long generation, String topic, StreamSpec spec, Map<String, Primary> primaries)
    implements Serializable {
  public StreamView {
    primaries = new TreeMap<>(primaries);
  }

  /** Takes a stream's part out of a document; throws where the document has no such stream. */
  static StreamView of(Topology topology, String stream) {
    Group group = topology.groupOf(stream);
    StreamSpec spec = group.streams().get(stream);
    return new StreamView(topology.generation(), spec.topicOr(stream), spec, group.primaries());
  }

  /** Names of the primaries that are to be read: all but tombstones. */
  Set<String> readable() {
    Set<String> names = new TreeSet<>();
    primaries.forEach(
        (name, primary) -> {
          if (primary.state() != Primary.WantedState.REMOVED) {
            names.add(name);
          }
        });
    return names;
  }
}
