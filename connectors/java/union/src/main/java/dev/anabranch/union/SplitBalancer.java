package dev.anabranch.union;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Shares splits out so that no subtask gets more than one above another, and, among equals, so that
 * each gets its part of every cluster: a cluster that is down should not idle one subtask alone.
 */
final class SplitBalancer {
  private final Map<Integer, Set<String>> held = new TreeMap<>();

  /** A reader started with these splits. */
  void registered(int subtask, Set<String> splitIds) {
    held.put(subtask, new HashSet<>(splitIds));
  }

  /** A reader is away; until it is back nothing is shared out. */
  void away(int subtask) {
    held.remove(subtask);
  }

  boolean isReady(int parallelism) {
    return held.size() == parallelism;
  }

  /** What each reader that has registered was given. */
  Map<Integer, Set<String>> held() {
    return held;
  }

  /**
   * Chooses a reader for each split and remembers the choice.
   *
   * @param givenUp ids of splits, perhaps of some of these, that readers give up or are about to:
   *     they do not count
   */
  Map<Integer, List<UnionSplit>> share(List<UnionSplit> splits, Set<String> givenUp) {
    held.values().forEach(each -> each.removeAll(givenUp));
    Map<Integer, List<UnionSplit>> shares = new HashMap<>();
    List<UnionSplit> inOrder = new ArrayList<>(splits);
    inOrder.sort(
        Comparator.comparing((UnionSplit split) -> split.log().clusterId())
            .thenComparing(UnionSplit::topic)
            .thenComparing(split -> split.log().partition()));
    for (UnionSplit split : inOrder) {
      int subtask = leastLoaded(split.log().clusterId());
      if (!givenUp.contains(split.splitId())) {
        held.get(subtask).add(split.splitId());
      }
      shares.computeIfAbsent(subtask, any -> new ArrayList<>()).add(split);
    }
    return shares;
  }

  private int leastLoaded(String clusterId) {
    return held.entrySet().stream()
        .min(
            Comparator.comparingInt((Map.Entry<Integer, Set<String>> e) -> e.getValue().size())
                .thenComparingLong(e -> ofCluster(e.getValue(), clusterId))
                .thenComparingInt(Map.Entry::getKey))
        .orElseThrow()
        .getKey();
  }

  private static long ofCluster(Set<String> splitIds, String clusterId) {
    String prefix = clusterId + "/";
    return splitIds.stream().filter(id -> id.startsWith(prefix)).count();
  }
}
