package dev.anabranch.union;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Turns start and stop positions into numbers, by asking one primary. Blocks; throws on trouble.
 */
final class OffsetLookup {
  private static final ListOffsetsOptions COMMITTED_ONLY =
      new ListOffsetsOptions(IsolationLevel.READ_COMMITTED);

  private final Admin admin;
  private final String topic;
  private final @Nullable String groupId;
  private final long jobStartMs;

  OffsetLookup(Admin admin, String topic, @Nullable String groupId, long jobStartMs) {
    this.admin = admin;
    this.topic = topic;
    this.groupId = groupId;
    this.jobStartMs = jobStartMs;
  }

  /** Looks the bounds of the given logs up. */
  Map<LogId, Lookup.Bounds> resolve(Lookup lookup, StopPosition stop)
      throws InterruptedException, ExecutionException, TimeoutException {
    Map<Integer, LogId> logs = new HashMap<>();
    lookup.logs().forEach(log -> logs.put(log.partition(), log));
    Map<Integer, Long> stops = stops(logs, stop);
    Map<Integer, Long> starts = starts(logs, lookup.start(), lookup.exactEnd());
    Map<LogId, Lookup.Bounds> bounds = new HashMap<>();
    logs.forEach(
        (partition, log) ->
            bounds.put(log, new Lookup.Bounds(starts.get(partition), stops.get(partition))));
    return bounds;
  }

  private Map<Integer, Long> starts(Map<Integer, LogId> logs, StartPosition start, boolean exactEnd)
      throws InterruptedException, ExecutionException, TimeoutException {
    return switch (start.kind()) {
      case EARLIEST -> offsets(logs, OffsetSpec.earliest());
      case LATEST -> exactEnd ? offsets(logs, OffsetSpec.latest()) : atTime(logs, jobStartMs);
      case TIMESTAMP -> atTime(logs, start.timestampMs());
      case COMMITTED -> {
        Map<Integer, Long> offsets = new HashMap<>(committed());
        offsets.keySet().retainAll(logs.keySet());
        StartPosition fallback = start.fallback();
        if (fallback != null && offsets.size() < logs.size()) {
          starts(logs, fallback, exactEnd).forEach(offsets::putIfAbsent);
        }
        yield offsets;
      }
    };
  }

  private Map<Integer, Long> stops(Map<Integer, LogId> logs, StopPosition stop)
      throws InterruptedException, ExecutionException, TimeoutException {
    return switch (stop.kind()) {
      case NEVER -> fill(logs, UnionSplit.NO_STOP);
      case LATEST -> offsets(logs, OffsetSpec.latest());
      case TIMESTAMP -> atTime(logs, stop.timestampMs());
      case COMMITTED -> {
        Map<Integer, Long> offsets = fill(logs, 0L);
        committed().forEach((partition, offset) -> offsets.replace(partition, offset));
        yield offsets;
      }
    };
  }

  /** The first offset of that time or later, or the end where there is none yet. */
  private Map<Integer, Long> atTime(Map<Integer, LogId> logs, long timestampMs)
      throws InterruptedException, ExecutionException, TimeoutException {
    // The end first: a record that arrives between the two questions must not be skipped.
    Map<Integer, Long> offsets = offsets(logs, OffsetSpec.latest());
    offsets(logs, OffsetSpec.forTimestamp(timestampMs))
        .forEach(
            (partition, offset) -> {
              if (offset >= 0) {
                offsets.put(partition, offset);
              }
            });
    return offsets;
  }

  private Map<Integer, Long> offsets(Map<Integer, LogId> logs, OffsetSpec spec)
      throws InterruptedException, ExecutionException, TimeoutException {
    Map<TopicPartition, OffsetSpec> question = new HashMap<>();
    logs.keySet().forEach(partition -> question.put(new TopicPartition(topic, partition), spec));
    return byPartition(
        await(admin.listOffsets(question, COMMITTED_ONLY).all()), found -> found.offset());
  }

  private Map<Integer, Long> committed()
      throws InterruptedException, ExecutionException, TimeoutException {
    if (groupId == null) {
      return Map.of();
    }
    Map<TopicPartition, OffsetAndMetadata> found =
        new HashMap<>(
            await(admin.listConsumerGroupOffsets(groupId).partitionsToOffsetAndMetadata()));
    found.keySet().removeIf(partition -> !partition.topic().equals(topic));
    found.values().removeIf(offset -> offset == null);
    return byPartition(found, OffsetAndMetadata::offset);
  }

  private static <V> Map<Integer, Long> byPartition(
      Map<TopicPartition, V> found, Function<V, Long> offset) {
    Map<Integer, Long> offsets = new HashMap<>();
    found.forEach((place, value) -> offsets.put(place.partition(), offset.apply(value)));
    return offsets;
  }

  private static Map<Integer, Long> fill(Map<Integer, LogId> logs, long value) {
    Map<Integer, Long> offsets = new HashMap<>();
    logs.keySet().forEach(partition -> offsets.put(partition, value));
    return offsets;
  }

  static <V> V await(KafkaFuture<V> future)
      throws InterruptedException, ExecutionException, TimeoutException {
    return future.get(Clients.ANSWER_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
  }
}
