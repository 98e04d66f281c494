package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Decides on which primary a log is to be looked for. Identity goes before name: a log is read
 * wherever its Kafka cluster shows up, and by its old name only while nobody knows better.
 */
final class SplitRouter {
  private SplitRouter() {}

  /**
   * Where to read a log.
   *
   * @param primary the primary's name, or null where the log is parked
   * @param reason why it is parked
   */
  record Route(@Nullable String primary, String reason) {}

  /**
   * @param clusterId the log's Kafka cluster
   * @param lastPrimary name of the primary that showed it last
   */
  static Route route(String clusterId, String lastPrimary, TopologyEvent topology) {
    Map<String, Primary> primaries = topology.view().primaries();
    if (readable(lastPrimary, primaries)
        && clusterId.equals(topology.clusters().get(lastPrimary))) {
      return new Route(lastPrimary, "");
    }
    for (Map.Entry<String, String> shown : new TreeMap<>(topology.clusters()).entrySet()) {
      if (shown.getValue().equals(clusterId) && readable(shown.getKey(), primaries)) {
        return new Route(shown.getKey(), "");
      }
    }
    if (!primaries.containsKey(lastPrimary)) {
      return new Route(null, "primary " + lastPrimary + " is not in the topology");
    }
    if (!readable(lastPrimary, primaries)) {
      return new Route(null, "primary " + lastPrimary + " has been removed");
    }
    String shown = topology.clusters().get(lastPrimary);
    if (shown != null) {
      return new Route(
          null, "primary " + lastPrimary + " is Kafka cluster " + shown + " now, not " + clusterId);
    }
    return new Route(lastPrimary, "");
  }

  private static boolean readable(String name, Map<String, Primary> primaries) {
    Primary primary = primaries.get(name);
    return primary != null && primary.state() != Primary.WantedState.REMOVED;
  }
}
