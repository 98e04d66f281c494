package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import dev.anabranch.union.UnionEnumeratorState.Sighting;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The enumerator's bookkeeping: which logs are known, which are new and how they are started, which
 * clusters have been replaced. No threads, no clients, no clock: a test drives it by hand.
 */
final class LogLedger {
  private final PerPrimary<StartPosition> start;
  private final OutOfRangePolicy policy;
  private final long jobStartMs;
  private final Set<String> awaited;
  private final Map<LogId, String> late;
  private final Map<String, Sighting> sightings;
  private final Map<LogId, String> known;
  private final Map<String, UnionSplit> pending = new LinkedHashMap<>();
  private final Map<String, String> visible = new TreeMap<>();
  private final Map<String, String> topics = new TreeMap<>();
  private final ShownTopics shownTopics = new ShownTopics();
  private final Set<String> everFailed = new HashSet<>();
  private final boolean restored;
  private boolean awaitsTopics;
  private @Nullable StreamView view;

  LogLedger(PerPrimary<StartPosition> start, OutOfRangePolicy policy, long jobStartMs) {
    this(
        start,
        policy,
        new UnionEnumeratorState(
            jobStartMs, null, Set.of(), Map.of(), Map.of(), Map.of(), Set.of(), Map.of()),
        false);
  }

  LogLedger(PerPrimary<StartPosition> start, OutOfRangePolicy policy, UnionEnumeratorState state) {
    this(start, policy, state, true);
  }

  private LogLedger(
      PerPrimary<StartPosition> start,
      OutOfRangePolicy policy,
      UnionEnumeratorState state,
      boolean restored) {
    this.start = start;
    this.policy = policy;
    this.restored = restored;
    this.jobStartMs = state.jobStartMs();
    this.view = state.view();
    this.awaited = new TreeSet<>(state.awaited());
    this.late = new HashMap<>(state.late());
    this.sightings = new HashMap<>(state.sightings());
    this.known = new HashMap<>(state.known());
    known.forEach((log, topic) -> shownTopics.restored(log.clusterId(), topic, log.topicId()));
    state.pending().forEach(split -> pending.put(split.splitId(), split));
  }

  /**
   * From now on a primary that shows no topic is waited for as is one that does not answer: it may
   * not have heard of it yet, and a read that ends must not end without what it has.
   */
  LogLedger awaitingTopics() {
    awaitsTopics = true;
    return this;
  }

  UnionEnumeratorState snapshot() {
    return new UnionEnumeratorState(
        jobStartMs, view, awaited, late, sightings, known, Set.copyOf(pending.values()), Map.of());
  }

  @Nullable StreamView view() {
    return view;
  }

  long jobStartMs() {
    return jobStartMs;
  }

  /** Takes a newer document over. */
  void follow(StreamView next) {
    StreamView before = view;
    if (before == null) {
      awaited.addAll(next.readable());
    }
    if (before != null) {
      for (String name : next.readable()) {
        if (!bootstrap(before, name).equals(bootstrap(next, name))) {
          // Nobody asked at this address when the job started, so its end now is not "latest".
          everFailed.add(name);
        }
      }
    }
    view = next;
    visible
        .keySet()
        .removeIf(
            name ->
                !next.readable().contains(name)
                    || before == null
                    || !bootstrap(before, name).equals(bootstrap(next, name)));
    topics.keySet().retainAll(visible.keySet());
    if (before != null && !before.topic().equals(next.topic())) {
      topics.clear();
    }
  }

  /** Takes note of what a primary shows, and says which logs of it are to be looked up. */
  Lookup observe(String primary, PrimaryView shown) {
    visible.put(primary, shown.clusterId());
    String topicId = shown.topicId();
    if (topicId == null) {
      topics.remove(primary);
      if (awaitsTopics) {
        everFailed.add(primary);
      } else {
        // What is created from now on is new, so that the start position no longer applies.
        awaited.remove(primary);
      }
      return Lookup.NOTHING;
    }
    topics.put(primary, topicId);
    shownTopics.sighted(shown.clusterId(), shown.topic(), topicId);
    if (heldBack(primary, shown) != null) {
      return Lookup.NOTHING;
    }
    sightings.put(shown.clusterId(), new Sighting(primary, bootstrap(view, primary)));
    boolean first =
        awaited.contains(primary) && !late.containsValue(primary) && !hasFound(shown.clusterId());
    Map<LogId, StartPosition> fresh = new HashMap<>();
    for (int partition : shown.partitions()) {
      LogId log = new LogId(shown.clusterId(), topicId, partition);
      if (!known.containsKey(log)) {
        String found = first ? primary : late.get(log);
        fresh.put(log, found == null ? StartPosition.earliest() : start.of(found));
      }
    }
    boolean exactEnd = first && !restored && !everFailed.contains(primary);
    return new Lookup(fresh, first, exactEnd);
  }

  /** Why the logs that a primary shows are not to be read now, or null. */
  @Nullable String heldBack(String primary, PrimaryView shown) {
    if (policy.admitsSuccessor()) {
      return null;
    }
    if (!knowsCluster(shown.clusterId())) {
      for (Map.Entry<String, Sighting> each : sightings.entrySet()) {
        if (each.getValue().primary().equals(primary)
            && knowsCluster(each.getKey())
            && !visible.containsValue(each.getKey())) {
          return "primary "
              + primary
              + " was Kafka cluster "
              + each.getKey()
              + " and is now "
              + shown.clusterId();
        }
      }
    }
    return hasFormerLogs(shown)
        ? "topic " + shown.topic() + " on primary " + primary + " was created again"
        : null;
  }

  /** The first by name of the other primaries that show the same Kafka cluster, or null. */
  @Nullable String twin(String primary, PrimaryView shown) {
    return visible.entrySet().stream()
        .filter(other -> other.getValue().equals(shown.clusterId()))
        .map(Map.Entry::getKey)
        .filter(other -> other.compareTo(primary) < 0)
        .min(String::compareTo)
        .orElse(null);
  }

  /** Takes note that a primary has no new log. */
  void upToDate(String primary) {
    awaited.remove(primary);
  }

  /**
   * Takes the looked-up bounds of new logs: each becomes a split that waits for a reader. Logs that
   * did not answer are looked up again, and begin where they would have begun now.
   */
  void resolved(String primary, String topic, Lookup lookup, Map<LogId, Lookup.Bounds> bounds) {
    if (lookup.first()
        && start.of(primary).kind() != StartPosition.Kind.EARLIEST
        && lookup.logs().stream().anyMatch(log -> hasFound(log.clusterId()))) {
      // By another name the cluster was found meanwhile. A log that is not known has come since:
      // it is looked up anew, as any log that comes later, and the start position does not apply.
      // Until then the primary is awaited still, so that no bounded read ends before.
      return;
    }
    bounds.forEach(
        (log, bound) -> {
          // What was there when its cluster was first found is older than what a checkpoint knows.
          boolean isLate = late.remove(log) != null;
          Set<String> former = shownTopics.before(log.clusterId(), topic, log.topicId(), !isLate);
          if (known.putIfAbsent(log, topic) == null) {
            UnionSplit split =
                UnionSplit.fresh(log, primary, topic, bound.start(), bound.stop()).behind(former);
            pending.put(split.splitId(), split);
          }
        });
    if (lookup.first()) {
      lookup.logs().stream()
          .filter(log -> !known.containsKey(log))
          .forEach(log -> late.putIfAbsent(log, primary));
    }
    if (lookup.logs().stream().noneMatch(late::containsKey)) {
      awaited.remove(primary);
    }
  }

  /** Primaries of the first document of which some logs have not answered yet. */
  Set<String> late() {
    return Set.copyOf(late.values());
  }

  /** Takes note of a failed attempt to reach a primary. */
  void failed(String primary) {
    everFailed.add(primary);
  }

  /** Takes splits back that a reader lost before a checkpoint had them. */
  void returned(List<UnionSplit> splits) {
    splits.forEach(split -> pending.put(split.splitId(), split));
  }

  List<UnionSplit> pending() {
    return List.copyOf(pending.values());
  }

  /**
   * The logs of topics that were deleted, and created again with these splits, by split id. Each
   * split says itself which those are: one of a former topic may be among them.
   */
  Set<String> replacedBy(List<UnionSplit> splits) {
    Map<String, Set<String>> former = new HashMap<>();
    splits.forEach(
        split ->
            former
                .computeIfAbsent(split.log().clusterId(), any -> new HashSet<>())
                .addAll(split.formerTopicIds()));
    return known.keySet().stream()
        .filter(log -> former.getOrDefault(log.clusterId(), Set.of()).contains(log.topicId()))
        .map(LogId::splitId)
        .collect(Collectors.toSet());
  }

  /** Whether logs are known that had its topic's name in its cluster, and another id. */
  private boolean hasFormerLogs(PrimaryView shown) {
    return known.entrySet().stream()
        .filter(each -> each.getValue().equals(shown.topic()))
        .map(Map.Entry::getKey)
        .filter(log -> log.clusterId().equals(shown.clusterId()))
        .anyMatch(log -> !log.topicId().equals(shown.topicId()));
  }

  /** Takes note that a split has a reader now. */
  void assigned(UnionSplit split) {
    pending.remove(split.splitId());
  }

  /** Primaries of the first document that have not been looked up yet and are still wanted. */
  Set<String> awaited() {
    Set<String> names = new TreeSet<>(awaited);
    StreamView now = view;
    if (now != null) {
      names.retainAll(now.readable());
    }
    return names;
  }

  /** The Kafka cluster id that each primary showed last. */
  Map<String, String> clusters() {
    return Map.copyOf(visible);
  }

  /** The id of the stream's topic that each primary showed last. */
  Map<String, String> topics() {
    return Map.copyOf(topics);
  }

  /**
   * Kafka clusters whose place another cluster has taken. A cluster may have moved to another name
   * instead, so it counts as gone only if its primary shows another id at the same address, or if
   * every primary has been asked.
   */
  Set<String> gone() {
    StreamView now = view;
    Set<String> gone = new HashSet<>();
    if (now == null) {
      return gone;
    }
    boolean allAsked = visible.keySet().containsAll(now.readable());
    sightings.forEach(
        (cluster, seen) -> {
          String shown = visible.get(seen.primary());
          boolean replaced = shown != null && !shown.equals(cluster);
          boolean inPlace = seen.bootstrap().equals(bootstrap(now, seen.primary()));
          if (replaced && !visible.containsValue(cluster) && (inPlace || allAsked)) {
            gone.add(cluster);
          }
        });
    return gone;
  }

  /** Whether logs of a cluster are known, or were found and have not answered yet. */
  private boolean hasFound(String clusterId) {
    return knowsCluster(clusterId)
        || late.keySet().stream().anyMatch(log -> log.clusterId().equals(clusterId));
  }

  private boolean knowsCluster(String clusterId) {
    return known.keySet().stream().anyMatch(log -> log.clusterId().equals(clusterId));
  }

  private static String bootstrap(@Nullable StreamView view, String primary) {
    Primary found = view == null ? null : view.primaries().get(primary);
    return found == null ? "" : String.join(",", found.bootstrap());
  }
}
