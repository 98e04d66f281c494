package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.groups.SourceReaderMetricGroup;

/**
 * A reader's metrics. Flink never takes a metric group back before the task ends, so groups are
 * named by primary and partition, of which there is a bounded number, never by cluster or topic id.
 */
final class UnionReaderMetrics {
  private final SourceReaderMetricGroup group;
  private final Supplier<List<SplitState>> splits;
  private final Map<String, PrimaryMetrics> primaries = new ConcurrentHashMap<>();
  private final Set<String> partitions = new HashSet<>();
  private final Counter recordsIn;
  private final Counter bytesIn;
  private final Counter foreignRecords;
  private volatile long retentionMs = PrimaryMetrics.UNKNOWN;

  /**
   * @param splits gives the reader's splits, on any thread
   */
  UnionReaderMetrics(SourceReaderMetricGroup group, Supplier<List<SplitState>> splits) {
    this.group = group;
    this.splits = splits;
    this.recordsIn = group.getIOMetricGroup().getNumRecordsInCounter();
    this.bytesIn = group.getIOMetricGroup().getNumBytesInCounter();
    this.foreignRecords = group.counter("foreignRecords");
    group.setPendingRecordsGauge(
        () -> primaries.values().stream().mapToLong(PrimaryMetrics::pending).sum());
  }

  /** The metrics of a primary, made when this reader first has a split there. */
  PrimaryMetrics primary(String name) {
    return primaries.computeIfAbsent(
        name,
        any ->
            new PrimaryMetrics(name, group.addGroup("primary", name), splits, () -> retentionMs));
  }

  /**
   * Shows the offset of a partition under the name by which the Flink operator's autoscaler counts
   * a Kafka source's partitions.
   */
  void partition(String primary, String topic, int partition) {
    if (partitions.add(primary + "/" + topic + "/" + partition)) {
      group
          .addGroup("kafkaCluster", primary)
          .addGroup("KafkaSourceReader")
          .addGroup("topic", topic)
          .addGroup("partition", Integer.toString(partition))
          .gauge("currentOffset", () -> currentOffset(primary, topic, partition));
    }
  }

  /** Counts a record that is about to be deserialized. */
  void read(RawRecord record, boolean headersRead) {
    recordsIn.inc();
    byte[] value = record.value();
    bytesIn.inc(value == null ? 0 : value.length);
    if (headersRead && record.foreign()) {
      foreignRecords.inc();
    }
  }

  /** Takes over how long the stream's records are kept. */
  void follow(StreamView view) {
    Long retentionS = view.spec().retentionS();
    retentionMs = retentionS == null ? PrimaryMetrics.UNKNOWN : retentionS * 1000;
  }

  /** Primaries that do not answer. */
  Set<String> down() {
    return new TreeSet<>(troubles().keySet());
  }

  /** Why primaries do not answer, by name. */
  Map<String, String> troubles() {
    Map<String, String> troubles = new TreeMap<>();
    primaries.forEach(
        (name, primary) -> {
          if (!primary.isUp()) {
            troubles.put(name, primary.trouble());
          }
        });
    return troubles;
  }

  private long currentOffset(String primary, String topic, int partition) {
    for (SplitState split : splits.get()) {
      if (split.log().partition() == partition
          && split.primary().equals(primary)
          && split.topic().equals(topic)
          && !split.isAbandoned()) {
        return split.shownOffset() - 1;
      }
    }
    return PrimaryMetrics.UNKNOWN;
  }
}
