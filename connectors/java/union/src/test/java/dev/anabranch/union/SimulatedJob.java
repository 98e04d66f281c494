package dev.anabranch.union;

import dev.anabranch.topology.Topology;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import org.apache.flink.api.connector.source.ReaderInfo;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.apache.flink.metrics.groups.SplitEnumeratorMetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.runtime.source.coordinator.SplitAssignmentTracker;
import org.jspecify.annotations.Nullable;

/**
 * One execution of a job, as far as a source sees Flink: a coordinator with its queue, tasks with
 * theirs, checkpoints. Nothing moves unless it is told to; what is thrown fails the job.
 */
final class SimulatedJob implements SplitEnumeratorContext<UnionSplit> {
  private static final UnionSplitSerializer SPLITS = new UnionSplitSerializer();
  private static final UnionEnumeratorStateSerializer STATE = new UnionEnumeratorStateSerializer();

  /** A completed checkpoint: bytes of the enumerator and, by subtask, of the splits. */
  record Checkpoint(long id, byte @Nullable [] enumerator, List<List<byte[]>> splits) {}

  private final Surroundings around;
  private final UnionSettings settings;
  private final Trace trace;
  private final int parallelism;
  private final UnionEnumerator enumerator;
  private final List<SimulatedTask> tasks = new ArrayList<>();

  // Whom the coordinator sends to: after a failure it hears of the new attempt only later.
  private final Map<Integer, SimulatedTask> targets = new TreeMap<>();
  private final Map<Integer, ReaderInfo> registered = new TreeMap<>();
  private final Deque<Runnable> coordinator = new ArrayDeque<>();
  private final SplitAssignmentTracker<UnionSplit> assignments = new SplitAssignmentTracker<>();
  private final List<SimulatedProbe> probes = new ArrayList<>();
  private Checkpoint last;
  private @Nullable Pending pending;
  private boolean inCoordinator;
  private @Nullable SimulatedTask starting;

  /** A checkpoint that waits for its tasks. */
  private record Pending(long id, byte[] enumerator, Map<Integer, List<byte[]>> splits) {}

  SimulatedJob(
      UnionSettings settings, int parallelism, Checkpoint from, SimulatedWorld world, Trace trace)
      throws Exception {
    this.settings = settings;
    this.parallelism = parallelism;
    this.last = new Checkpoint(from.id(), from.enumerator(), shared(from.splits(), parallelism));
    this.trace = trace;
    this.around = world.surroundings(this);
    OutageBook outages = new OutageBook(settings.watermarkMode().maxHold(), Map.of());
    LogLedger ledger = ledger(from, world.nowMs());
    this.enumerator = new UnionEnumerator(this, settings, ledger, outages, around);
  }

  /** As Flink shares the splits of a checkpoint out: as they were, or else in equal parts. */
  private static List<List<byte[]>> shared(List<List<byte[]>> splits, int parallelism) {
    if (splits.size() == parallelism) {
      return splits;
    }
    List<byte[]> all = splits.stream().flatMap(List::stream).toList();
    List<List<byte[]>> parts = new ArrayList<>();
    for (int i = 0; i < parallelism; i++) {
      parts.add(all.subList(all.size() * i / parallelism, all.size() * (i + 1) / parallelism));
    }
    return parts;
  }

  private LogLedger ledger(Checkpoint from, long nowMs) throws Exception {
    byte[] state = from.enumerator();
    return state == null
        ? new LogLedger(settings.start(), settings.outOfRange(), nowMs)
        : new LogLedger(
            settings.start(), settings.outOfRange(), STATE.deserialize(STATE.getVersion(), state));
  }

  /** Starts coordinator and tasks; the document is null while its publisher does not answer. */
  void start(@Nullable Topology document) throws Exception {
    enumerator.followRestored();
    if (document != null) {
      enumerator.follow(document);
    }
    for (int subtask = 0; subtask < parallelism; subtask++) {
      SimulatedTask task = newTask(subtask);
      tasks.add(task);
      targets.put(subtask, task);
      startTask(subtask, task);
    }
  }

  private SimulatedTask newTask(int subtask) {
    return new SimulatedTask(
        subtask, settings, trace, event -> coordinator.add(() -> handle(subtask, event)), around);
  }

  private void handle(int subtask, SourceEvent event) {
    enumerator.handleSourceEvent(subtask, event);
  }

  private void startTask(int subtask, SimulatedTask task) throws Exception {
    List<UnionSplit> restored = read(last.splits().get(subtask));
    trace.add(Trace.splits("restored", subtask, restored));
    if (!restored.isEmpty()) {
      within(task, () -> task.reader().addSplits(restored));
    }
    coordinator.add(
        () -> {
          registered.put(subtask, new ReaderInfo(subtask, "simulated"));
          enumerator.addReader(subtask);
        });
    task.reader().start();
  }

  private void within(SimulatedTask task, SimulatedTask.Message message) throws Exception {
    starting = task;
    message.handle();
  }

  void started(PrimaryFetcher fetcher) {
    if (starting != null) {
      starting.fetchers().add(fetcher);
    }
  }

  void started(PrimaryProbe probe) {
    probes.add(new SimulatedProbe(probe, enumerator, this::inlineCoordinator, trace));
  }

  private void inlineCoordinator(Runnable action) {
    while (deliverToCoordinator()) {
      // What came before is done before.
    }
    inCoordinator = true;
    try {
      action.run();
    } finally {
      inCoordinator = false;
    }
  }

  boolean deliverToCoordinator() {
    Runnable next = coordinator.poll();
    if (next != null) {
      next.run();
    }
    return next != null;
  }

  boolean deliverToTask(int number) throws Exception {
    SimulatedTask task = tasks.get(number % parallelism);
    starting = task;
    return task.deliver();
  }

  void emit(int number, int count) throws Exception {
    SimulatedTask task = tasks.get(number % parallelism);
    starting = task;
    task.emit(count);
  }

  /** Has a fetcher take a turn. */
  void turn(int number, int fetcher) throws InterruptedException {
    List<PrimaryFetcher> fetchers = tasks.get(number % parallelism).fetchers();
    if (!fetchers.isEmpty()) {
      fetchers.get(fetcher % fetchers.size()).step();
    }
  }

  void probe(int number, int steps) throws Exception {
    probes.removeIf(SimulatedProbe::isOver);
    for (int i = 0; i < steps && !probes.isEmpty(); i++) {
      probes.get(number % probes.size()).step();
    }
  }

  void publish(Topology document) {
    coordinator.add(() -> enumerator.follow(document));
  }

  /** Has the coordinator begin a checkpoint; barriers go the way of all messages. */
  void checkpoint(long id) {
    coordinator.add(() -> begin(id));
  }

  private void begin(long id) {
    try {
      pending = new Pending(id, STATE.serialize(enumerator.snapshotState(id)), new HashMap<>());
      assignments.onCheckpoint(id);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
    for (int subtask = 0; subtask < parallelism; subtask++) {
      int number = subtask;
      SimulatedTask task = targets.get(subtask);
      task.send(() -> snapshot(id, number, task));
    }
  }

  private void snapshot(long id, int subtask, SimulatedTask task) throws Exception {
    List<UnionSplit> splits = task.reader().snapshotState(id);
    trace.add(Trace.splits("snapshot", subtask, splits));
    Pending waiting = pending;
    if (waiting == null || waiting.id() != id) {
      return;
    }
    waiting.splits().put(subtask, write(splits));
    if (waiting.splits().size() == parallelism) {
      List<List<byte[]>> all = new ArrayList<>();
      for (int i = 0; i < parallelism; i++) {
        all.add(waiting.splits().get(i));
      }
      last = new Checkpoint(id, waiting.enumerator(), all);
      pending = null;
      trace.add(Trace.line("completed", id));
      coordinator.add(() -> complete(id));
      tasks.forEach(each -> each.send(() -> each.reader().notifyCheckpointComplete(id)));
    }
  }

  private void complete(long id) {
    assignments.onCheckpointComplete(id);
    try {
      enumerator.notifyCheckpointComplete(id);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  void abort() {
    pending = null;
  }

  /** A task fails alone and starts again from the last completed checkpoint. */
  void failTask(int number) throws Exception {
    int subtask = number % parallelism;
    abort();
    tasks.get(subtask).reader().close();
    trace.add(Trace.line("failed", subtask, last.id()));
    SimulatedTask task = newTask(subtask);
    tasks.set(subtask, task);
    long from = last.id();
    coordinator.add(
        () -> {
          targets.put(subtask, task);
          registered.remove(subtask);
          List<UnionSplit> back = assignments.getAndRemoveUncheckpointedAssignment(subtask, from);
          trace.add(Trace.splits("returned", subtask, back));
          enumerator.addSplitsBack(back, subtask);
        });
    startTask(subtask, task);
  }

  Checkpoint last() {
    return last;
  }

  void close() {
    enumerator.close();
    for (SimulatedTask task : tasks) {
      task.reader().close();
    }
  }

  /** Lets everything happen that can happen without a fault, once. */
  void settle() throws Exception {
    while (deliverToCoordinator()) {}
    for (SimulatedProbe probe : List.copyOf(probes)) {
      for (int i = 0; i < SimulatedProbe.STEPS; i++) {
        probe.step();
      }
    }
    probes.removeIf(SimulatedProbe::isOver);
    while (deliverToCoordinator()) {}
    for (int i = 0; i < parallelism; i++) {
      while (deliverToTask(i)) {}
      for (PrimaryFetcher fetcher : List.copyOf(tasks.get(i).fetchers())) {
        fetcher.step();
        fetcher.step();
      }
      emit(i, Integer.MAX_VALUE);
    }
  }

  private static List<byte[]> write(List<UnionSplit> splits) throws Exception {
    List<byte[]> bytes = new ArrayList<>();
    for (UnionSplit split : splits) {
      bytes.add(SPLITS.serialize(split));
    }
    return bytes;
  }

  private static List<UnionSplit> read(List<byte[]> bytes) throws Exception {
    List<UnionSplit> splits = new ArrayList<>();
    for (byte[] each : bytes) {
      splits.add(SPLITS.deserialize(SPLITS.getVersion(), each));
    }
    return splits;
  }

  @Override
  public void assignSplits(SplitsAssignment<UnionSplit> shares) {
    assignments.recordSplitAssignment(shares);
    for (Map.Entry<Integer, List<UnionSplit>> each : shares.assignment().entrySet()) {
      int subtask = each.getKey();
      if (!registered.containsKey(subtask)) {
        throw new IllegalArgumentException("subtask " + subtask + " is not registered");
      }
      SimulatedTask task = targets.get(subtask);
      trace.add(Trace.splits("assigned", subtask, each.getValue()));
      task.send(() -> take(subtask, task, write(each.getValue())));
    }
  }

  private void take(int subtask, SimulatedTask task, List<byte[]> splits) throws Exception {
    trace.add(Trace.splits("taken", subtask, read(splits)));
    task.reader().addSplits(read(splits));
  }

  @Override
  public void sendEventToSourceReader(int subtask, SourceEvent event) {
    SimulatedTask task = targets.get(subtask);
    task.send(() -> task.reader().handleSourceEvents(event));
  }

  @Override
  public void runInCoordinatorThread(Runnable action) {
    if (inCoordinator) {
      action.run();
    } else {
      coordinator.add(action);
    }
  }

  @Override
  public int currentParallelism() {
    return parallelism;
  }

  @Override
  public Map<Integer, ReaderInfo> registeredReaders() {
    return new LinkedHashMap<>(registered);
  }

  @Override
  public SplitEnumeratorMetricGroup metricGroup() {
    return UnregisteredMetricsGroup.createSplitEnumeratorMetricGroup();
  }

  @Override
  public void signalNoMoreSplits(int subtask) {
    SimulatedTask task = targets.get(subtask);
    task.send(task.reader()::notifyNoMoreSplits);
  }

  @Override
  public <T> void callAsync(Callable<T> callable, BiConsumer<T, Throwable> handler) {
    throw new UnsupportedOperationException();
  }

  @Override
  public <T> void callAsync(
      Callable<T> callable, BiConsumer<T, Throwable> handler, long delay, long period) {
    throw new UnsupportedOperationException();
  }
}
