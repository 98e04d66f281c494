package dev.anabranch.union;

import dev.anabranch.union.SimulatedLog.Kept;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntSupplier;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.LogTruncationException;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.ClusterResource;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/**
 * Reads a simulated broker as Kafka's consumer does, where that matters: it fetches ahead of its
 * poll, goes over to another topic or cluster after no more than a metadata update, and asks a new
 * leader whether its position is still on the log, if it knows the position's epoch.
 */
final class SimulatedConsumer extends MockConsumer<byte[], byte[]> {
  private final SimulatedBroker broker;
  private final MetadataWatch watch;
  private final IntSupplier limit;
  private final Map<TopicPartition, Place> places =
      new TreeMap<>((one, other) -> Integer.compare(one.partition(), other.partition()));
  private final Set<TopicPartition> paused = new HashSet<>();

  /** Where the consumer is in one partition, and what it has fetched from there on. */
  private static final class Place {
    private long position;
    private int epoch;
    private String checked = "";
    private List<Kept> ahead = List.of();
  }

  SimulatedConsumer(SimulatedBroker broker, MetadataWatch watch, IntSupplier limit) {
    super("none");
    this.broker = broker;
    this.watch = watch;
    this.limit = limit;
  }

  @Override
  public synchronized void assign(Collection<TopicPartition> wanted) {
    places.keySet().retainAll(wanted);
    wanted.forEach(each -> places.putIfAbsent(each, new Place()));
  }

  @Override
  public void seek(TopicPartition partition, OffsetAndMetadata to) {
    Place place = new Place();
    place.position = to.offset();
    place.epoch = to.leaderEpoch().orElse(UnionSplit.NO_EPOCH);
    places.put(partition, place);
  }

  @Override
  public synchronized void pause(Collection<TopicPartition> partitions) {
    paused.addAll(partitions);
  }

  @Override
  public synchronized void resume(Collection<TopicPartition> partitions) {
    paused.removeAll(partitions);
  }

  @Override
  public OptionalLong currentLag(TopicPartition partition) {
    Place place = places.get(partition);
    SimulatedLog log = place == null ? null : log(partition);
    return log == null ? OptionalLong.empty() : OptionalLong.of(log.end() - place.position);
  }

  @Override
  public void close(CloseOptions options) {
    places.clear();
  }

  @Override
  public synchronized ConsumerRecords<byte[], byte[]> poll(Duration wait) {
    Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> records = new HashMap<>();
    Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
    OffsetOutOfRangeException refused = null;
    int left = limit.getAsInt();
    for (Map.Entry<TopicPartition, Place> each : places.entrySet()) {
      TopicPartition partition = each.getKey();
      Place place = each.getValue();
      if (paused.contains(partition) || left == 0) {
        continue;
      }
      try {
        fetch(partition, place);
      } catch (OffsetOutOfRangeException e) {
        refused = e;
      }
      int count = Math.min(left, place.ahead.size());
      if (count > 0) {
        List<Kept> taken = place.ahead.subList(0, count);
        place.ahead = place.ahead.subList(count, place.ahead.size());
        place.position = taken.get(count - 1).offset() + 1;
        place.epoch = taken.get(count - 1).epoch();
        left -= count;
        records.put(partition, records(partition, taken));
        next.put(partition, new OffsetAndMetadata(place.position, Optional.of(place.epoch), ""));
      }
    }
    if (next.isEmpty() && refused != null) {
      throw refused;
    }
    places.forEach(this::fetchAhead);
    return new ConsumerRecords<>(records, next);
  }

  private void fetchAhead(TopicPartition partition, Place place) {
    try {
      if (!paused.contains(partition)) {
        fetch(partition, place);
      }
    } catch (OffsetOutOfRangeException e) {
      // Told at the next poll.
    }
  }

  /** Fetches where nothing is left of the fetch before. */
  private void fetch(TopicPartition partition, Place place) {
    SimulatedLog log = log(partition);
    if (log == null || !place.ahead.isEmpty()) {
      return;
    }
    String shown = broker.clusterId() + "/" + broker.topicId() + "/" + log.epoch();
    if (!shown.equals(place.checked)) {
      watch.onUpdate(new ClusterResource(broker.clusterId()));
      validate(partition, place, log);
      place.checked = shown;
    }
    if (place.position < log.start() || place.position > log.end()) {
      throw new OffsetOutOfRangeException(Map.of(partition, place.position));
    }
    place.ahead = log.read(place.position, limit.getAsInt());
  }

  private static void validate(TopicPartition partition, Place place, SimulatedLog log) {
    if (place.epoch == UnionSplit.NO_EPOCH) {
      return;
    }
    long end = log.endOf(place.epoch);
    Map<TopicPartition, Long> asked = Map.of(partition, place.position);
    if (end == SimulatedLog.UNDEFINED) {
      throw new LogTruncationException(asked, Map.of());
    }
    if (end < place.position) {
      OffsetAndMetadata parted =
          new OffsetAndMetadata(end, Optional.of(log.epochUpTo(place.epoch)), "");
      throw new LogTruncationException(asked, Map.of(partition, parted));
    }
  }

  private SimulatedLog log(TopicPartition partition) {
    boolean there =
        broker.isUp()
            && broker.shownStill(true) == null
            && partition.partition() < broker.logs().size();
    return there ? broker.logs().get(partition.partition()) : null;
  }

  private static List<ConsumerRecord<byte[], byte[]>> records(
      TopicPartition partition, List<Kept> taken) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    for (Kept each : taken) {
      if (each.value() != null) {
        records.add(
            new ConsumerRecord<>(
                partition.topic(),
                partition.partition(),
                each.offset(),
                each.timestampMs(),
                TimestampType.CREATE_TIME,
                0,
                each.value().length(),
                null,
                each.value().getBytes(StandardCharsets.UTF_8),
                new RecordHeaders(),
                Optional.of(each.epoch())));
      }
    }
    return records;
  }
}
