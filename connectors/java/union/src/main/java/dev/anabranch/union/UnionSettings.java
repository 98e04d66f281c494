package dev.anabranch.union;

import java.io.Serializable;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a union source was built with; see {@link UnionSourceBuilder} for the meaning of each.
 *
 * @param consumerProperties added to those of each consumer
 * @param faults a test's way to make fetchers fail
 */
record UnionSettings(
    String topology,
    String stream,
    PerPrimary<StartPosition> start,
    PerPrimary<StopPosition> stop,
    OutOfRangePolicy outOfRange,
    @Nullable String groupId,
    Duration topologyInterval,
    Duration discoveryInterval,
    Duration boundedDeadline,
    Map<String, String> consumerProperties,
    WatermarkMode watermarkMode,
    FetcherFaults faults)
    implements Serializable {
  UnionSettings {
    consumerProperties = Map.copyOf(consumerProperties);
  }

  /** Whether the job ends; the builder sees to it that all primaries stop or none does. */
  boolean isBounded() {
    return stop.general().isBounded();
  }

  /**
   * Throws {@link IllegalArgumentException} where a position is for no primary of the job's first
   * document, tombstones included: it would be ignored, and records skipped or read twice.
   */
  void requireNames(StreamView first) {
    Set<String> unknown = new TreeSet<>(start.own().keySet());
    unknown.addAll(stop.own().keySet());
    unknown.removeAll(first.primaries().keySet());
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "stream "
              + stream
              + ": start or stop positions are given for "
              + unknown
              + ", but its primaries in generation "
              + first.generation()
              + " of the topology are "
              + first.primaries().keySet()
              + "; correct the name, or leave that position out");
    }
  }
}
