package dev.anabranch.union;

import dev.anabranch.union.HandedOver.Gap;
import dev.anabranch.union.HandedOver.SplitNews;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * How far a fetcher has read each log of its primary, and what it knows about them. It outlives the
 * consumers, which are opened from it and thrown away at will, and moves only with a hand-over. No
 * threads and no clients: a test drives it by hand.
 */
final class PositionBook {
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  /** One log. */
  static final class Entry {
    private final FetchOrder order;
    private final TopicPartition place;
    private long position;
    private int leaderEpoch;
    private boolean paused;
    private Verdict verdict = Verdict.UNCHECKED;

    private Entry(FetchOrder order) {
      this.order = order;
      this.place = new TopicPartition(order.topic(), order.log().partition());
      this.position = order.nextOffset();
      this.leaderEpoch = order.leaderEpoch();
      this.paused = order.paused();
    }

    FetchOrder order() {
      return order;
    }

    TopicPartition place() {
      return place;
    }

    long position() {
      return position;
    }

    int leaderEpoch() {
      return leaderEpoch;
    }

    boolean isPaused() {
      return paused;
    }

    boolean isReadable() {
      return verdict == Verdict.READABLE;
    }
  }

  void add(FetchOrder order) {
    entries.put(order.splitId(), new Entry(order));
  }

  void remove(String splitId) {
    entries.remove(splitId);
  }

  void pause(String splitId, boolean paused) {
    Entry entry = entries.get(splitId);
    if (entry != null) {
      entry.paused = paused;
    }
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }

  Set<String> topics() {
    Set<String> topics = new HashSet<>();
    entries.values().forEach(entry -> topics.add(entry.order.topic()));
    return topics;
  }

  /** The logs that a consumer may read now. */
  Collection<Entry> readable() {
    return entries.values().stream().filter(Entry::isReadable).toList();
  }

  /** The readable log at that place, or null. */
  @Nullable Entry readableAt(TopicPartition place) {
    for (Entry entry : entries.values()) {
      if (entry.isReadable() && entry.place.equals(place)) {
        return entry;
      }
    }
    return null;
  }

  /** Compares identities; returns what has changed for the task thread to know. */
  List<SplitNews> compare(LogIdentity shown) {
    List<SplitNews> news = new ArrayList<>();
    for (Entry entry : entries.values()) {
      if (entry.verdict == Verdict.DONE || entry.verdict == Verdict.OUT_OF_RANGE) {
        continue;
      }
      Verdict now = judge(entry.order, shown);
      if (now != entry.verdict) {
        entry.verdict = now;
        news.add(news(entry, detail(entry.order, shown, now), null));
      }
      finishIfAtStop(entry);
    }
    return news;
  }

  /** Moves past records that have been handed over. */
  void advance(Entry entry, long nextOffset, int leaderEpoch) {
    entry.position = nextOffset;
    entry.leaderEpoch = leaderEpoch;
    finishIfAtStop(entry);
  }

  /**
   * Judges an offset that the broker refused.
   *
   * @param begin the log's first offset
   * @param end the end of the log, or the point where it was truncated
   * @param endEpoch leader epoch of the record before the end, or {@link UnionSplit#NO_EPOCH}
   * @param readsOn whether reading goes on behind the gap
   * @return what the task thread has to know, or null if the offset is in range after all
   */
  @Nullable SplitNews outOfRange(Entry entry, long begin, long end, int endEpoch, boolean readsOn) {
    Gap gap;
    if (entry.position < begin) {
      gap = new Gap(LossReport.Kind.DELETED, entry.position, begin, begin, UnionSplit.NO_EPOCH);
    } else if (entry.position > end) {
      gap = new Gap(LossReport.Kind.TRUNCATED, end, entry.position, end, endEpoch);
    } else {
      return null;
    }
    if (readsOn) {
      entry.position = gap.resumeAt();
      entry.leaderEpoch = gap.leaderEpoch();
    } else {
      entry.verdict = Verdict.OUT_OF_RANGE;
    }
    String detail =
        gap.kind() == LossReport.Kind.DELETED
            ? "the broker deleted records that had not been read yet"
            : "the log was truncated below what had been read";
    return new SplitNews(
        entry.order.splitId(), entry.order.attempt(), Verdict.OUT_OF_RANGE, detail, gap);
  }

  private static void finishIfAtStop(Entry entry) {
    if (entry.verdict == Verdict.READABLE && entry.position >= entry.order.stopOffset()) {
      entry.verdict = Verdict.DONE;
    }
  }

  private static Verdict judge(FetchOrder order, LogIdentity shown) {
    if (!shown.clusterId().equals(order.log().clusterId())) {
      return Verdict.OTHER_CLUSTER;
    }
    LogIdentity.Topic topic = shown.topics().get(order.topic());
    if (topic == null) {
      return Verdict.NO_TOPIC;
    }
    if (order.formerTopicIds().contains(topic.id())) {
      return Verdict.FORMER_TOPIC;
    }
    if (!topic.id().equals(order.log().topicId())) {
      return Verdict.TOPIC_REPLACED;
    }
    return topic.partitions().contains(order.log().partition())
        ? Verdict.READABLE
        : Verdict.NO_PARTITION;
  }

  private static String detail(FetchOrder order, LogIdentity shown, Verdict verdict) {
    return switch (verdict) {
      case OTHER_CLUSTER ->
          "expected Kafka cluster " + order.log().clusterId() + ", found " + shown.clusterId();
      case NO_TOPIC -> "there is no topic " + order.topic();
      case NO_PARTITION -> "topic " + order.topic() + " lacks this partition";
      case FORMER_TOPIC ->
          "a broker still shows topic " + order.topic() + " as it was before it was created again";
      case TOPIC_REPLACED -> "topic " + order.topic() + " was deleted and created again";
      default -> "";
    };
  }

  private static SplitNews news(Entry entry, String detail, @Nullable Gap gap) {
    return new SplitNews(entry.order.splitId(), entry.order.attempt(), entry.verdict, detail, gap);
  }
}
