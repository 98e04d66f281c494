package dev.anabranch.prism;

import dev.anabranch.topology.Group;
import dev.anabranch.topology.Primary;
import dev.anabranch.topology.Primary.WantedState;
import dev.anabranch.topology.StreamSpec;
import dev.anabranch.topology.Topology;
import java.util.Map;
import java.util.TreeMap;

/**
 * What one version of the topology says about one stream.
 *
 * @param primaries by name, those that are to be written to
 */
record StreamView(
    String stream, String topic, int partitions, int copies, Map<String, Primary> primaries) {

  /** Throws {@link dev.anabranch.topology.TopologyException} where the stream is not in it. */
  static StreamView of(Topology topology, String stream) {
    Group group = topology.groupOf(stream);
    StreamSpec spec = group.streams().get(stream);
    Map<String, Primary> active = new TreeMap<>();
    group
        .primaries()
        .forEach(
            (name, primary) -> {
              if (primary.state() == WantedState.ACTIVE) {
                active.put(name, primary);
              }
            });
    return new StreamView(stream, spec.topicOr(stream), spec.partitions(), spec.copies(), active);
  }
}
