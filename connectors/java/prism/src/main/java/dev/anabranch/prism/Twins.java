package dev.anabranch.prism;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices two names in the topology for one Kafka cluster. Two copies of a record in one cluster
 * are lost together, so of such names only one is used, and no record gets a copy by each.
 */
final class Twins {
  private static final Logger LOG = LoggerFactory.getLogger(Twins.class);

  private final String stream;
  private final Comparator<Lane> order;

  /** By cluster id, the bits of all lanes that ever were that cluster, the retired ones too. */
  private final Map<String, Long> bits = new HashMap<>();

  /** The same by name, for clusters that do not tell their ids. */
  private final Map<String, Long> namesakes = new HashMap<>();

  private final Set<Lane> met = new HashSet<>();
  private final Set<String> told = new HashSet<>();

  Twins(String stream, String home) {
    this.stream = stream;
    // The same one for all writers of a job: a key's own primary should be the same for all.
    this.order =
        Comparator.comparing((Lane lane) -> !lane.name().equals(home)).thenComparing(Lane::name);
  }

  /** Takes over the lanes that there are now. */
  void follow(List<Lane> lanes) {
    met.retainAll(lanes);
    lanes.forEach(this::meet);
  }

  private void meet(Lane lane) {
    if (met.add(lane)) {
      // Its bit may have been another lane's, of which nobody knows any more.
      bits.replaceAll((cluster, all) -> all & ~lane.bit());
      namesakes.replaceAll((name, all) -> all & ~lane.bit());
      namesakes.merge(lane.name(), lane.bit(), (one, other) -> one | other);
    }
  }

  /** A lane has shown which Kafka cluster it is; empty where the cluster does not tell. */
  void showed(Lane lane, String cluster) {
    meet(lane);
    lane.cluster = cluster;
    if (!cluster.isEmpty()) {
      bits.merge(cluster, lane.bit(), (one, other) -> one | other);
    }
  }

  /** Chooses anew which lane of each cluster is used. Where none works, each may be tried. */
  void settle(List<Lane> lanes) {
    Map<String, Lane> used = new HashMap<>();
    for (Lane lane : lanes) {
      if (!lane.cluster.isEmpty() && lane.isTaken()) {
        used.merge(lane.cluster, lane, (one, other) -> order.compare(one, other) < 0 ? one : other);
      }
    }
    for (Lane lane : lanes) {
      Long kin = lane.cluster.isEmpty() ? namesakes.get(lane.name()) : bits.get(lane.cluster);
      lane.kin = lane.bit() | (kin == null ? 0 : kin);
      Lane other = used.get(lane.cluster);
      lane.setTwin(other == lane ? null : other);
      if (lane.active && lane.twin() != null && told.add(lane.name() + " " + other.name())) {
        LOG.warn(
            "stream {}: primary {} is not written to: {}. A Kafka cluster should have one name"
                + " in the topology",
            stream,
            lane.name(),
            lane.twin());
      }
    }
  }
}
