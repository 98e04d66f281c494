package dev.anabranch.union;

import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyException;
import dev.anabranch.topology.TopologyReader;
import dev.anabranch.topology.TopologyWatcher;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds logs and shares them out. Lives on the JobManager's coordinator thread; probes and the
 * topology's watcher have threads of their own and come in by {@link #onCoordinator}. All decisions
 * are {@link LogLedger}'s and {@link SplitBalancer}'s.
 */
final class UnionEnumerator
    implements SplitEnumerator<UnionSplit, UnionEnumeratorState>, PrimaryProbe.Listener {
  private static final Logger LOG = LoggerFactory.getLogger(UnionEnumerator.class);

  /** How much of the time between two looks counts, which are a second apart. */
  private static final Duration MAX_STEP = Duration.ofSeconds(5);

  private final SplitEnumeratorContext<UnionSplit> context;
  private final UnionSettings settings;
  private final LogLedger ledger;
  private final OutageBook outages;
  private final FirstSight firstSight;
  private final Surroundings around;
  private final SplitBalancer balancer = new SplitBalancer();
  private final Map<String, PrimaryProbe> probes = new HashMap<>();
  private final Map<String, String> troubles = new HashMap<>();
  private final UnionEnumeratorMetrics metrics;
  private final long startedNanos;
  private @Nullable TopologyWatcher watcher;
  private @Nullable TopologyEvent announced;
  private @Nullable HoldEvent hold;
  private long lookedNanos;
  private boolean complete;

  UnionEnumerator(
      SplitEnumeratorContext<UnionSplit> context,
      UnionSettings settings,
      LogLedger ledger,
      OutageBook outages,
      Surroundings around) {
    this.context = context;
    this.settings = settings;
    this.ledger = ledger;
    this.outages = outages;
    this.firstSight = new FirstSight(settings.watermarkMode().idleTimeout());
    this.around = around;
    this.startedNanos = around.nanoTime();
    this.lookedNanos = startedNanos;
    this.metrics = new UnionEnumeratorMetrics(context.metricGroup());
    ledger.late().forEach(outages::partlyDiscovered);
  }

  @Override
  public void start() {
    StreamView restored = followRestored();
    TopologyWatcher opened =
        TopologyWatcher.open(settings.topology(), settings.topologyInterval(), null);
    watcher = opened;
    Topology current = opened.current();
    if (current != null) {
      follow(current);
    } else if (restored == null) {
      // Says why; a job without any document would wait in silence.
      follow(new TopologyReader(settings.topology()).read());
    }
    opened.onChange(topology -> onCoordinator(() -> follow(topology)));
    if (settings.isBounded()) {
      context.callAsync(() -> true, (done, error) -> checkDeadline(), 1000, 1000);
    }
    if (settings.watermarkMode().isManaged()) {
      context.callAsync(() -> true, (done, error) -> look(), 1000, 1000);
    }
  }

  /** Goes by the checkpoint's document, if there is one, until a newer one is read. */
  @Nullable StreamView followRestored() {
    StreamView restored = ledger.view();
    if (restored != null) {
      follow(restored);
    }
    return restored;
  }

  /** Takes a document over, unless it is older than what is known. Coordinator thread. */
  void follow(Topology topology) {
    StreamView before = ledger.view();
    if (before != null && topology.generation() < before.generation()) {
      LOG.warn(
          "Generation {} of the topology is ignored: the job knows generation {}, and goes by it"
              + " until a newer one is published",
          topology.generation(),
          before.generation());
      return;
    }
    try {
      StreamView view = StreamView.of(topology, settings.stream());
      if (before != null && topology.generation() == before.generation()) {
        if (!view.equals(before)) {
          LOG.warn(
              "The topology says something else of stream {} than the generation {} that the job"
                  + " knows, under the same number: it is ignored until a newer one is published",
              settings.stream(),
              before.generation());
        }
        return;
      }
      if (before == null) {
        // Who joins later is read from the earliest offset, so a position would never hold for it.
        settings.requireNames(view);
      }
      follow(view);
    } catch (TopologyException e) {
      if (before == null) {
        throw e;
      }
      LOG.warn("Going on with the last good topology: {}", e.getMessage());
    }
  }

  private void follow(StreamView view) {
    ledger.follow(view);
    Iterator<Map.Entry<String, PrimaryProbe>> running = probes.entrySet().iterator();
    while (running.hasNext()) {
      Map.Entry<String, PrimaryProbe> each = running.next();
      if (!view.readable().contains(each.getKey())
          || !each.getValue().asks(view.primaries().get(each.getKey()), view.topic())) {
        each.getValue().close();
        running.remove();
      }
    }
    for (String name : view.readable()) {
      probes.computeIfAbsent(
          name,
          any -> {
            PrimaryProbe probe =
                new PrimaryProbe(
                    name,
                    view.primaries().get(name),
                    view.topic(),
                    settings,
                    ledger.jobStartMs(),
                    this,
                    around);
            around.start(probe);
            return probe;
          });
    }
    metrics.probed(view.readable());
    announce();
    outages.follow(view);
    firstSight.follow(view);
    judgeHold();
  }

  @Override
  public Lookup seen(PrimaryProbe probe, PrimaryView shown) throws InterruptedException {
    CompletableFuture<Lookup> answer = new CompletableFuture<>();
    onCoordinator(() -> answer.complete(isCurrent(probe) ? see(probe, shown) : Lookup.NOTHING));
    try {
      return answer.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  private Lookup see(PrimaryProbe probe, PrimaryView shown) {
    String primary = probe.primary();
    metrics.up(primary);
    Lookup lookup = ledger.observe(primary, shown);
    if (lookup.logs().isEmpty()) {
      noteNothingNew(primary, shown);
    }
    announce();
    return lookup;
  }

  /** Whether that probe is in use: a replaced one may still speak of the address before. */
  private boolean isCurrent(PrimaryProbe probe) {
    return probes.get(probe.primary()) == probe;
  }

  private void noteNothingNew(String primary, PrimaryView shown) {
    String held = ledger.heldBack(primary, shown);
    String twin = ledger.twin(primary, shown);
    if (twin != null) {
      note(primary, sameCluster(primary, twin, shown.clusterId()));
      ledger.upToDate(primary);
    } else if (held != null) {
      note(primary, held + "; it is not read under policy " + settings.outOfRange());
    } else if (shown.topicId() == null) {
      note(primary, "primary " + primary + " has no topic " + shown.topic());
    } else {
      if (troubles.remove(primary) != null) {
        LOG.info("Primary {} answers again", primary);
      }
      ledger.upToDate(primary);
    }
    discovered(primary);
    shareOut();
  }

  private void discovered(String primary) {
    outages.discovered(primary);
    firstSight.discovered(primary);
  }

  private static String sameCluster(String primary, String twin, String clusterId) {
    return "primaries "
        + twin
        + " and "
        + primary
        + " are one Kafka cluster, "
        + clusterId
        + ": it is read once, and there is one primary less than the topology says";
  }

  @Override
  public void resolved(
      PrimaryProbe probe, PrimaryView shown, Lookup lookup, Map<LogId, Lookup.Bounds> bounds) {
    onCoordinator(
        () -> {
          if (isCurrent(probe)) {
            String primary = probe.primary();
            if (!bounds.isEmpty()) {
              LOG.info("Primary {}: {} new logs of {}", primary, bounds.size(), shown.topic());
            }
            ledger.resolved(primary, shown.topic(), lookup, bounds);
            noteSilent(primary, shown.topic(), lookup.logs(), bounds.keySet());
            shareOut();
          }
        });
  }

  /** Says which of the new logs of a primary did not answer, if any. */
  private void noteSilent(String primary, String topic, Set<LogId> asked, Set<LogId> answered) {
    Set<Integer> silent = new TreeSet<>();
    asked.stream()
        .filter(log -> !answered.contains(log))
        .forEach(log -> silent.add(log.partition()));
    if (silent.isEmpty()) {
      troubles.remove(primary);
      discovered(primary);
    } else {
      note(
          primary,
          "primary %s answers, but not for partitions %s of topic %s, which may have no leader; they are read once they have one"
              .formatted(primary, silent, topic));
      outages.partlyDiscovered(primary);
    }
  }

  @Override
  public void failed(PrimaryProbe probe, String reason) {
    onCoordinator(
        () -> {
          if (isCurrent(probe)) {
            metrics.down(probe.primary(), reason);
            ledger.failed(probe.primary());
            outages.unanswered(probe.primary());
            judgeHold();
            note(probe.primary(), "primary " + probe.primary() + " does not answer: " + reason);
          }
        });
  }

  /** Logs a trouble once, not at every attempt. */
  private void note(String primary, String trouble) {
    if (!trouble.equals(troubles.put(primary, trouble))) {
      LOG.warn("{}", trouble);
    }
  }

  @Override
  public void addReader(int subtask) {
    TopologyEvent event = announced;
    if (event != null) {
      context.sendEventToSourceReader(subtask, event);
    }
    if (hold != null) {
      context.sendEventToSourceReader(subtask, hold);
    }
  }

  @Override
  public void handleSourceEvent(int subtask, SourceEvent event) {
    if (event instanceof ReaderReport report) {
      balancer.registered(subtask, report.splitIds());
      outages.away(subtask);
      if (complete) {
        context.signalNoMoreSplits(subtask);
      }
      shareOut();
    } else if (event instanceof ContactReport report) {
      outages.reported(subtask, report);
      judgeHold();
    } else {
      LOG.warn("Unknown event of subtask {}: {}", subtask, event);
    }
  }

  @Override
  public void handleSplitRequest(int subtask, @Nullable String host) {
    // Splits are pushed; readers never ask.
  }

  @Override
  public void addSplitsBack(List<UnionSplit> splits, int subtask) {
    balancer.away(subtask);
    outages.away(subtask);
    ledger.returned(splits);
    complete = false;
    // The reader that comes in place of that one is told right away whom it has to wait for.
    judgeHold();
  }

  /** Hands out what waits, and then sees who is waited for: readers get to know both in order. */
  private void shareOut() {
    assign();
    judgeHold();
  }

  /** Waits until every reader has said what it holds. */
  private void assign() {
    int parallelism = context.currentParallelism();
    if (!balancer.isReady(parallelism)
        || context.registeredReaders().size() < parallelism
        || complete) {
      metrics.waiting(ledger.pending().size());
      return;
    }
    List<UnionSplit> waiting = ledger.pending();
    metrics.waiting(0);
    if (!waiting.isEmpty()) {
      Map<Integer, List<UnionSplit>> shares = balancer.share(waiting, ledger.replacedBy(waiting));
      context.assignSplits(new SplitsAssignment<>(shares));
      waiting.forEach(ledger::assigned);
    }
    if (settings.isBounded() && ledger.view() != null && ledger.awaited().isEmpty()) {
      complete = true;
      context.registeredReaders().keySet().forEach(context::signalNoMoreSplits);
    }
  }

  private void checkDeadline() {
    Set<String> missing = ledger.awaited();
    long waitedNanos = around.nanoTime() - startedNanos;
    if (!complete && !missing.isEmpty() && waitedNanos > settings.boundedDeadline().toNanos()) {
      throw new UnreachablePrimariesException(
          settings.stream(), missing, settings.boundedDeadline(), troubles);
    }
  }

  /** Time goes on, for whoever is waited for only while the job runs. */
  private void look() {
    long now = around.nanoTime();
    Duration step = Duration.ofNanos(now - lookedNanos);
    lookedNanos = now;
    // A machine that stood still has measured nothing.
    step = step.compareTo(MAX_STEP) > 0 ? MAX_STEP : step;
    if (balancer.isReady(context.currentParallelism())) {
      firstSight.elapsed(step);
    }
    if (balancer.isReady(context.currentParallelism()) && settings.watermarkMode().holds()) {
      for (String primary : outages.elapsed(step)) {
        LOG.warn(
            "Primary {} has been down for the {} that it may hold the watermark: stream {} goes on"
                + " without it, and what it has is late when it returns",
            primary,
            settings.watermarkMode().maxHold(),
            settings.stream());
      }
    }
    judgeHold();
  }

  private void judgeHold() {
    StreamView view = ledger.view();
    if (!settings.watermarkMode().isManaged() || view == null) {
      return;
    }
    Set<String> pending = new TreeSet<>();
    ledger.pending().forEach(split -> pending.add(split.primary()));
    HoldEvent event =
        settings.watermarkMode().holds() ? judgeOutages(view, pending) : firstSight.event(pending);
    if (!event.equals(hold)) {
      hold = event;
      tell(event);
    }
  }

  private HoldEvent judgeOutages(StreamView view, Set<String> pending) {
    for (String primary : outages.judge(context.currentParallelism(), balancer.held(), pending)) {
      LOG.info("Primary {} no longer holds the watermark: it has been caught up with", primary);
    }
    metrics.outages(view.primaries().keySet(), outages.snapshot());
    return outages.event();
  }

  private void tell(SourceEvent event) {
    context
        .registeredReaders()
        .keySet()
        .forEach(subtask -> context.sendEventToSourceReader(subtask, event));
  }

  /** Tells all readers what has changed. */
  private void announce() {
    StreamView view = ledger.view();
    if (view == null) {
      return;
    }
    TopologyEvent event =
        new TopologyEvent(view, ledger.clusters(), ledger.topics(), ledger.gone());
    if (!event.equals(announced)) {
      announced = event;
      tell(event);
    }
  }

  private void onCoordinator(Runnable action) {
    try {
      context.runInCoordinatorThread(action);
    } catch (RejectedExecutionException e) {
      LOG.debug("The coordinator has been closed", e);
    }
  }

  @Override
  public UnionEnumeratorState snapshotState(long checkpointId) {
    return ledger.snapshot().with(outages.snapshot());
  }

  @Override
  public void close() {
    TopologyWatcher running = watcher;
    if (running != null) {
      running.close();
    }
    probes.values().forEach(PrimaryProbe::close);
  }
}
