package dev.anabranch.union;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.jspecify.annotations.Nullable;

/**
 * Turns start and stop positions into numbers, by asking one primary. Blocks; throws on trouble. A
 * log whose leader does not answer is no trouble of the others: it is left out.
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

  /** Looks the bounds of the given logs up; those that do not answer are not in the result. */
  Map<LogId, Lookup.Bounds> resolve(Lookup lookup, StopPosition stop)
      throws InterruptedException, ExecutionException, TimeoutException {
    Map<StartPosition, Map<Integer, LogId>> groups = new HashMap<>();
    lookup
        .starts()
        .forEach(
            (log, start) ->
                groups.computeIfAbsent(start, any -> new HashMap<>()).put(log.partition(), log));
    Map<LogId, Lookup.Bounds> bounds = new HashMap<>();
    for (Map.Entry<StartPosition, Map<Integer, LogId>> group : groups.entrySet()) {
      Map<Integer, LogId> logs = group.getValue();
      Map<Integer, Long> stops = stops(logs.keySet(), stop);
      // Who did not answer is not asked again: each question would wait for as long.
      starts(stops.keySet(), group.getKey(), lookup.exactEnd())
          .forEach(
              (partition, start) ->
                  bounds.put(logs.get(partition), new Lookup.Bounds(start, stops.get(partition))));
    }
    return bounds;
  }

  private Map<Integer, Long> starts(Set<Integer> partitions, StartPosition start, boolean exactEnd)
      throws InterruptedException, ExecutionException, TimeoutException {
    return switch (start.kind()) {
      case EARLIEST -> offsets(partitions, OffsetSpec.earliest());
      case LATEST ->
          exactEnd ? offsets(partitions, OffsetSpec.latest()) : atTime(partitions, jobStartMs);
      case TIMESTAMP -> atTime(partitions, start.timestampMs());
      case COMMITTED -> {
        Map<Integer, Long> offsets = new HashMap<>(committed());
        offsets.keySet().retainAll(partitions);
        Set<Integer> others = new HashSet<>(partitions);
        others.removeAll(offsets.keySet());
        StartPosition fallback = start.fallback();
        if (fallback != null && !others.isEmpty()) {
          offsets.putAll(starts(others, fallback, exactEnd));
        }
        yield offsets;
      }
    };
  }

  private Map<Integer, Long> stops(Set<Integer> partitions, StopPosition stop)
      throws InterruptedException, ExecutionException, TimeoutException {
    return switch (stop.kind()) {
      case NEVER -> fill(partitions, UnionSplit.NO_STOP);
      case LATEST -> offsets(partitions, OffsetSpec.latest());
      case TIMESTAMP -> atTime(partitions, stop.timestampMs());
      case COMMITTED -> {
        Map<Integer, Long> offsets = fill(partitions, 0L);
        committed().forEach((partition, offset) -> offsets.replace(partition, offset));
        yield offsets;
      }
    };
  }

  /** The first offset of that time or later, or the end where there is none yet. */
  private Map<Integer, Long> atTime(Set<Integer> partitions, long timestampMs)
      throws InterruptedException, ExecutionException {
    // The end first: a record that arrives between the two questions must not be skipped.
    Map<Integer, Long> ends = offsets(partitions, OffsetSpec.latest());
    Map<Integer, Long> offsets = offsets(ends.keySet(), OffsetSpec.forTimestamp(timestampMs));
    offsets.replaceAll((partition, offset) -> offset >= 0 ? offset : ends.get(partition));
    return offsets;
  }

  /**
   * What leaders say; those that have said nothing after the time for one question are left out.
   */
  private Map<Integer, Long> offsets(Set<Integer> partitions, OffsetSpec spec)
      throws InterruptedException, ExecutionException {
    Map<Integer, Long> offsets = new HashMap<>();
    if (partitions.isEmpty()) {
      return offsets;
    }
    Map<TopicPartition, OffsetSpec> question = new HashMap<>();
    partitions.forEach(partition -> question.put(new TopicPartition(topic, partition), spec));
    ListOffsetsResult answers = admin.listOffsets(question, COMMITTED_ONLY);
    long deadline = System.nanoTime() + Clients.ANSWER_LIMIT.toNanos();
    for (TopicPartition place : question.keySet()) {
      long left = Math.max(0, deadline - System.nanoTime());
      try {
        offsets.put(
            place.partition(),
            answers.partitionResult(place).get(left, TimeUnit.NANOSECONDS).offset());
      } catch (TimeoutException e) {
        // Its leader, if it has one, may answer the next time.
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof RetriableException)) {
          throw e;
        }
      }
    }
    return offsets;
  }

  private Map<Integer, Long> committed()
      throws InterruptedException, ExecutionException, TimeoutException {
    if (groupId == null) {
      return Map.of();
    }
    Map<TopicPartition, OffsetAndMetadata> found =
        await(admin.listConsumerGroupOffsets(groupId).partitionsToOffsetAndMetadata());
    Map<Integer, Long> offsets = new HashMap<>();
    found.forEach(
        (place, offset) -> {
          if (place.topic().equals(topic) && offset != null) {
            offsets.put(place.partition(), offset.offset());
          }
        });
    return offsets;
  }

  private static Map<Integer, Long> fill(Set<Integer> partitions, long value) {
    Map<Integer, Long> offsets = new HashMap<>();
    partitions.forEach(partition -> offsets.put(partition, value));
    return offsets;
  }

  static <V> V await(KafkaFuture<V> future)
      throws InterruptedException, ExecutionException, TimeoutException {
    return future.get(Clients.ANSWER_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
  }
}
