package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import dev.anabranch.topology.StreamSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Small topologies and views for tests without brokers. */
final class Views {
  private Views() {}

  /** A document in which each primary's address is made from its name. */
  static StreamView of(long generation, String... primaries) {
    Map<String, String> addresses = new HashMap<>();
    for (String primary : primaries) {
      addresses.put(primary, primary + ":9092");
    }
    return at(generation, addresses);
  }

  /** A document with these addresses; a name in brackets is a tombstone. */
  static StreamView at(long generation, Map<String, String> addresses) {
    Map<String, Primary> primaries = new HashMap<>();
    addresses.forEach(
        (name, address) -> {
          boolean removed = name.startsWith("[");
          primaries.put(
              removed ? name.substring(1, name.length() - 1) : name,
              new Primary(List.of(address), removed ? Primary.WantedState.REMOVED : null, null));
        });
    return new StreamView(generation, "t", new StreamSpec("t", 4, null, null, null), primaries);
  }

  /** What a primary shows: cluster, topic id, partitions from 0. */
  static PrimaryView shown(String cluster, String topicId, int partitions) {
    Set<Integer> numbers = new TreeSet<>();
    for (int i = 0; i < partitions; i++) {
      numbers.add(i);
    }
    return new PrimaryView(cluster, "t", topicId, numbers);
  }

  static UnionSplit split(String cluster, String topicId, int partition, String primary) {
    return UnionSplit.fresh(
        new LogId(cluster, topicId, partition), primary, "t", 0, UnionSplit.NO_STOP);
  }
}
