package dev.anabranch.union;

import java.io.Serializable;
import java.time.Duration;
import java.util.Map;
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
    StartPosition start,
    StopPosition stop,
    OutOfRangePolicy outOfRange,
    @Nullable String groupId,
    Duration topologyInterval,
    Duration discoveryInterval,
    Duration boundedDeadline,
    Map<String, String> consumerProperties,
    FetcherFaults faults)
    implements Serializable {
  UnionSettings {
    consumerProperties = Map.copyOf(consumerProperties);
  }
}
