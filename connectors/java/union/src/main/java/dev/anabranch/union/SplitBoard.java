package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import dev.anabranch.union.HandedOver.Batch;
import dev.anabranch.union.HandedOver.Gap;
import dev.anabranch.union.HandedOver.SplitNews;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A reader's splits: where each is read, why it is not, and what is made of a loss. Decides only:
 * it has no threads, clients or clock, so that a test drives it by hand. All on the task thread.
 */
final class SplitBoard {
  private static final Logger LOG = LoggerFactory.getLogger(SplitBoard.class);

  /** No topic's id. */
  private static final String NOT_ASKED_FOR = "";

  private final OutOfRangePolicy policy;
  private final Fetching fetching;
  private final Map<String, SplitState> splits = new LinkedHashMap<>();
  private @Nullable TopologyEvent topology;
  private boolean alignmentOverridden;

  // A copy for metrics, which come from other threads.
  private volatile List<SplitState> visible = List.of();

  SplitBoard(OutOfRangePolicy policy, Fetching fetching) {
    this.policy = policy;
    this.fetching = fetching;
  }

  /**
   * Takes splits over, new ones or those of a checkpoint, which the current policy may free.
   *
   * @return splits whose Kafka cluster is gone, as of {@link #follow}
   */
  List<String> add(Collection<UnionSplit> added) {
    for (UnionSplit split : added) {
      boolean gone = split.lost() == LossReport.Kind.TOPIC_REPLACED;
      if (gone && policy.readsOn()) {
        continue;
      }
      SplitState state = new SplitState(split);
      if (split.lost() != null) {
        state.parked("records were lost: " + split.lost());
      }
      if (policy.readsOn() && split.lost() == LossReport.Kind.CLUSTER_REPLACED) {
        state.abandon();
      } else if (policy.readsOn() && split.lost() != null) {
        state.lost(null);
        state.parked("waits for the topology");
      }
      splits.putIfAbsent(split.splitId(), state);
    }
    publish();
    route();
    return gone();
  }

  /**
   * Follows the topology.
   *
   * @return splits whose Kafka cluster is gone; {@link #clusterGone} is due for each, once what was
   *     read of it before has been emitted
   */
  List<String> follow(TopologyEvent next) {
    topology = next;
    next.view().readable().forEach(name -> fetching.reach(name, primary(next, name)));
    route();
    return gone();
  }

  private List<String> gone() {
    Set<String> gone = topology == null ? Set.of() : topology.gone();
    return splits.values().stream()
        .filter(split -> split.lost() == null && split.route() == null && !split.isFinished())
        .filter(split -> gone.contains(split.log().clusterId()))
        .map(SplitState::splitId)
        .toList();
  }

  /**
   * The split that a batch moves on, or null where the batch is of an order that no longer holds.
   * Throws where a batch is missing before it: losing nothing goes before going on.
   */
  @Nullable SplitState expect(Batch batch) {
    SplitState split = splits.get(batch.splitId());
    if (split == null || split.attempt() != batch.attempt()) {
      return null;
    }
    if (batch.fromOffset() > split.nextOffset()) {
      throw new IllegalStateException(
          "records of %s from %d to %d were never handed over; the last checkpoint has them"
              .formatted(batch.splitId(), split.nextOffset(), batch.fromOffset() - 1));
    }
    return split;
  }

  /** Takes what a fetcher found; returns the loss to report, or null. */
  @Nullable LossReport take(SplitNews news) {
    SplitState split = splits.get(news.splitId());
    if (split == null || split.attempt() != news.attempt()) {
      return null;
    }
    Gap gap = news.gap();
    if (gap != null) {
      return jump(split, gap, news.detail());
    }
    String route = split.route();
    split.otherTopic(null);
    switch (news.verdict()) {
      case TOPIC_REPLACED -> {
        split.otherTopic(news.verdict());
        if (isReplaced(split)) {
          return lose(split, LossReport.Kind.TOPIC_REPLACED, news.detail());
        }
        park(
            split,
            "primary %s: the broker that is read shows another topic %s than discovery has found; waits until they agree"
                .formatted(route, split.topic()));
      }
      case FORMER_TOPIC -> {
        split.otherTopic(news.verdict());
        park(split, "primary " + route + ": " + news.detail());
      }
      case READABLE, DONE -> {
        split.parked("");
        if (route != null) {
          split.foundOn(route);
        }
      }
      default -> park(split, "primary " + route + ": " + news.detail());
    }
    return null;
  }

  /** The Kafka cluster of that split is gone; returns the loss to report, or null. */
  @Nullable LossReport clusterGone(String splitId) {
    SplitState split = splits.get(splitId);
    return split == null || split.lost() != null || split.route() != null || split.isFinished()
        ? null
        : lose(split, LossReport.Kind.CLUSTER_REPLACED, split.parked());
  }

  /**
   * Whether the topic of a split was created again. A broker that lags shows a topic from before
   * that one, perhaps from before this job: the reader's is believed only where the enumerator was
   * shown another topic, too, and neither of the two is known to be older.
   */
  private boolean isReplaced(SplitState split) {
    return split.otherTopic() == Verdict.TOPIC_REPLACED
        && isDenied(split)
        && !split.isFormer(shownInstead(split));
  }

  /**
   * Whether both the reader and the enumerator are shown another topic in the place of a split's.
   * Nobody waits for it then, though it is read should it show up.
   */
  private boolean isDenied(SplitState split) {
    return split.otherTopic() != null && !shownInstead(split).equals(split.log().topicId());
  }

  /** The topic that the enumerator was shown last where a split is read; the split's if none. */
  private String shownInstead(SplitState split) {
    TopologyEvent current = topology;
    String route = split.route();
    if (current == null || route == null) {
      return split.log().topicId();
    }
    if (!split.topic().equals(current.view().topic())) {
      // Nobody but the reader asks for a topic that the stream had before.
      return NOT_ASKED_FOR;
    }
    return split.log().clusterId().equals(current.clusters().get(route))
        ? current.topics().getOrDefault(route, split.log().topicId())
        : split.log().topicId();
  }

  /** Watermark alignment wants a split paused or resumed. */
  void pause(String splitId, boolean paused) {
    SplitState split = splits.get(splitId);
    if (split != null) {
      split.pauseAsked(paused);
      applyPause(split);
    }
  }

  /**
   * Has splits read although alignment wants them paused, or no longer so. While a primary that is
   * down holds the watermark, alignment would stop the others until it is back.
   */
  void overrideAlignment(boolean overridden) {
    if (overridden != alignmentOverridden) {
      alignmentOverridden = overridden;
      splits.values().forEach(this::applyPause);
    }
  }

  private void applyPause(SplitState split) {
    boolean paused = split.isPauseAsked() && !alignmentOverridden;
    if (paused != split.isPaused()) {
      split.paused(paused);
      String route = split.route();
      if (route != null) {
        fetching.pause(route, split.splitId(), paused);
      }
    }
  }

  boolean isPauseAsked(String splitId) {
    SplitState split = splits.get(splitId);
    return split != null && split.isPauseAsked();
  }

  List<UnionSplit> snapshot() {
    return splits.values().stream().map(SplitState::toSplit).toList();
  }

  Set<String> splitIds() {
    return Set.copyOf(splits.keySet());
  }

  /** Whether the split's records may still come, so that a watermark has to wait for them. */
  boolean isExpected(String splitId) {
    SplitState split = splits.get(splitId);
    return split != null
        && split.lost() == null
        && split.route() != null
        && !split.isFinished()
        && !isDenied(split);
  }

  /** The splits whose records may still come. */
  List<SplitState> expected() {
    return splits.values().stream().filter(split -> isExpected(split.splitId())).toList();
  }

  /** Whether that attempt is the one that is being read. */
  boolean isCurrent(String splitId, int attempt) {
    SplitState split = splits.get(splitId);
    return split != null && split.attempt() == attempt;
  }

  /** Whether the enumerator has said where splits are to be read. */
  boolean knowsTopology() {
    return topology != null;
  }

  /** Whether all splits are read to their stop offsets, or given up under the policy. */
  boolean isAtEnd() {
    return splits.values().stream().allMatch(SplitState::isDone);
  }

  /** Why splits keep a bounded read from its end, by primary; what is known of those goes first. */
  static Map<String, String> reasons(List<SplitState> overdue, Map<String, String> troubles) {
    Map<String, String> reasons = new TreeMap<>();
    for (SplitState split : overdue) {
      String trouble = troubles.get(split.primary());
      reasons.putIfAbsent(split.primary(), trouble == null ? reason(split) : trouble);
    }
    return reasons;
  }

  private static String reason(SplitState split) {
    return split.parked().isEmpty()
        ? "log %s-%d: no progress at offset %d of %d; its partition may have no leader, or the log may have lost its end"
            .formatted(
                split.topic(), split.log().partition(), split.nextOffset(), split.stopOffset())
        : split.parked();
  }

  /** All splits. Any thread. */
  List<SplitState> visible() {
    return visible;
  }

  /** The log is there, but not at our offset. */
  private @Nullable LossReport jump(SplitState split, Gap gap, String detail) {
    boolean deleted = gap.kind() == LossReport.Kind.DELETED;
    long from = deleted ? Math.max(gap.fromOffset(), split.reportedTo()) : gap.fromOffset();
    LossReport loss =
        gap.toOffset() > from
            ? new LossReport(
                gap.kind(),
                split.converter().origin(),
                from,
                gap.toOffset(),
                split.leaderEpoch(),
                detail)
            : null;
    // Behind a cut the log is another one: what is written there has not been reported.
    split.reportedTo(deleted ? gap.toOffset() : Math.min(split.reportedTo(), gap.resumeAt()));
    if (policy.readsOn() || !deleted) {
      // What was cut off had been read; a policy that frees the log later is not to find it again.
      split.moveTo(gap.resumeAt(), gap.leaderEpoch());
    }
    if (!policy.readsOn()) {
      giveUp(split, gap.kind(), detail);
    }
    return loss;
  }

  /** The log itself is gone. */
  private LossReport lose(SplitState split, LossReport.Kind kind, String detail) {
    String known = split.end().offset() == LogEnd.UNKNOWN ? "" : "; known unread: " + split.lag();
    LossReport loss =
        new LossReport(
            kind,
            split.converter().origin(),
            split.nextOffset(),
            LossReport.UNKNOWN,
            split.leaderEpoch(),
            detail + known);
    giveUp(split, kind, detail);
    if (kind == LossReport.Kind.TOPIC_REPLACED && policy.readsOn()) {
      // A topic id never comes back, and its successor has splits of its own.
      splits.remove(split.splitId());
      publish();
    }
    return loss;
  }

  private void giveUp(SplitState split, LossReport.Kind kind, String detail) {
    split.lost(kind);
    if (policy.readsOn()) {
      split.abandon();
    }
    park(split, detail);
    stopReading(split);
    // A poll may have been under way: what it brings is within what is reported as lost.
    split.voidOrder();
  }

  private static void park(SplitState split, String reason) {
    if (!reason.equals(split.parked())) {
      split.parked(reason);
      LOG.warn("Log {} waits at offset {}: {}", split.splitId(), split.nextOffset(), reason);
    }
  }

  /** Has each split read on the primary that shows its log. */
  private void route() {
    TopologyEvent current = topology;
    if (current == null) {
      return;
    }
    for (SplitState split : splits.values()) {
      if (split.isFinished()) {
        continue;
      }
      if (split.lost() == LossReport.Kind.CLUSTER_REPLACED
          && current.clusters().containsValue(split.log().clusterId())) {
        LOG.info("Kafka cluster {} is back", split.log().clusterId());
        split.lost(null);
      }
      if (split.lost() == null) {
        route(split, current);
      }
    }
  }

  private void route(SplitState split, TopologyEvent current) {
    SplitRouter.Route route = SplitRouter.route(split.log().clusterId(), split.primary(), current);
    String primary = route.primary();
    if (primary == null) {
      stopReading(split);
      park(split, route.reason());
    } else if (!primary.equals(split.route()) || isReplaced(split)) {
      // The reader's broker may have caught up since it showed another topic: it is asked again.
      stopReading(split);
      split.route(primary);
      split.parked("primary " + primary + " has not answered yet");
      fetching.read(primary, primary(current, primary), split.order());
    }
  }

  private void stopReading(SplitState split) {
    String route = split.route();
    if (route != null) {
      fetching.drop(route, split.splitId());
      split.route(null);
    }
  }

  private void publish() {
    visible = new ArrayList<>(splits.values());
  }

  private static Primary primary(TopologyEvent event, String name) {
    Primary primary = event.view().primaries().get(name);
    if (primary == null) {
      throw new IllegalStateException("routed to an unknown primary " + name);
    }
    return primary;
  }
}
