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
  private final Map<String, Probed> probed = new ConcurrentHashMap<>();
  private final Set<String> watched = ConcurrentHashMap.newKeySet();
  private volatile Map<String, Outage> outages = Map.of();
  private volatile long waiting;

  /** What the last probe of a primary said: whether it answered, and why not. */
  private record Probed(long up, String trouble) {
    static final Probed NO_MORE = new Probed(PrimaryMetrics.UNKNOWN, "");
  }

  UnionEnumeratorMetrics(SplitEnumeratorMetricGroup group) {
    this.group = group;
    group.setUnassignedSplitsGauge(() -> waiting);
  }

  /** A probe succeeded. */
  void up(String primary) {
    probed(primary, new Probed(1L, ""));
  }

  /** A probe failed, for that reason. */
  void down(String primary, String reason) {
    probed(primary, new Probed(0L, reason));
  }

  private void probed(String primary, Probed now) {
    if (probed.put(primary, now) == null) {
      MetricGroup own = group.addGroup("primary", primary);
      own.gauge("up", () -> probed.get(primary).up());
      own.gauge("trouble", () -> probed.get(primary).trouble());
    }
  }

  /** Only these are probed from now on. */
  void probed(Set<String> primaries) {
    probed.replaceAll((primary, now) -> primaries.contains(primary) ? now : Probed.NO_MORE);
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
