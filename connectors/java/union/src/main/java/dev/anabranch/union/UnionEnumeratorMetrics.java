package dev.anabranch.union;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.metrics.groups.SplitEnumeratorMetricGroup;

/** The enumerator's metrics: which primaries answer its probes, how many splits have no reader. */
final class UnionEnumeratorMetrics {
  private final SplitEnumeratorMetricGroup group;
  private final Map<String, Boolean> up = new ConcurrentHashMap<>();
  private volatile long waiting;

  UnionEnumeratorMetrics(SplitEnumeratorMetricGroup group) {
    this.group = group;
    group.setUnassignedSplitsGauge(() -> waiting);
  }

  /** A probe succeeded or failed. */
  void up(String primary, boolean now) {
    if (up.put(primary, now) == null) {
      group.addGroup("primary", primary).gauge("up", () -> up.getOrDefault(primary, false) ? 1 : 0);
    }
  }

  /** So many splits wait for a reader. */
  void waiting(int splits) {
    waiting = splits;
  }
}
