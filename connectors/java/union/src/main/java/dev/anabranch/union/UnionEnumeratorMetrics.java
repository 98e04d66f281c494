package dev.anabranch.union;

import dev.anabranch.union.UnionEnumeratorState.Outage;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.SplitEnumeratorMetricGroup;
import org.jspecify.annotations.Nullable;

/**
 * The enumerator's metrics: which primaries answer its probes, which hold the watermark, how many
 * splits have no reader.
 */
final class UnionEnumeratorMetrics {
  private final SplitEnumeratorMetricGroup group;
  private final Map<String, Long> up = new ConcurrentHashMap<>();
  private final Map<String, String> troubles = new ConcurrentHashMap<>();
  private final Set<String> watched = ConcurrentHashMap.newKeySet();
  private volatile Map<String, Outage> outages = Map.of();
  private volatile long waiting;

  UnionEnumeratorMetrics(SplitEnumeratorMetricGroup group) {
    this.group = group;
    group.setUnassignedSplitsGauge(() -> waiting);
  }

  /** A probe succeeded. */
  void up(String primary) {
    probed(primary, 1L, "");
  }

  /** A probe failed, for that reason. */
  void down(String primary, String reason) {
    probed(primary, 0L, reason);
  }

  private void probed(String primary, long now, String trouble) {
    troubles.put(primary, trouble);
    if (up.put(primary, now) == null) {
      MetricGroup own = group.addGroup("primary", primary);
      own.gauge("up", () -> up.get(primary));
      own.gauge("trouble", () -> troubles.get(primary));
    }
  }

  /** Only these are probed from now on. */
  void probed(Set<String> primaries) {
    up.replaceAll((primary, now) -> primaries.contains(primary) ? now : PrimaryMetrics.UNKNOWN);
    troubles.replaceAll((primary, now) -> primaries.contains(primary) ? now : "");
  }

  /** These primaries hold the watermark, or did so until they were given up. */
  void outages(Set<String> primaries, Map<String, Outage> now) {
    outages = now;
    for (String primary : primaries) {
      if (watched.add(primary)) {
        MetricGroup own = group.addGroup("primary", primary);
        own.gauge("held", () -> of(primary) == null || of(primary).givenUp() ? 0 : 1);
        own.gauge(
            "timeDownSeconds", () -> of(primary) == null ? 0 : of(primary).timeDownMs() / 1000);
      }
    }
  }

  private @Nullable Outage of(String primary) {
    return outages.get(primary);
  }

  /** So many splits wait for a reader. */
  void waiting(int splits) {
    waiting = splits;
  }
}
