package dev.anabranch.union;

import dev.anabranch.topology.Group;
import dev.anabranch.topology.Primary;
import dev.anabranch.topology.StreamSpec;
import dev.anabranch.topology.Topology;
import dev.anabranch.union.SimulatedJob.Checkpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Simulated brokers, a document, and a job that reads them. Takes one command after the other; each
 * means something in every state, so that any sequence of commands is a history.
 */
final class SimulatedWorld {
  private static final Set<String> ON_BROKER =
      Set.of(
          "produce", "mark", "kill", "revive", "wipe", "delete", "create", "lag", "outdate",
          "catchup", "grow", "trim", "elect");
  private static final int RETAINED = 4;
  private static final long TICK_MS = 6000;
  private static final int MAX_ROUNDS = 80;
  private static final int QUIET_ROUNDS = 5;

  private final Trace trace = new Trace();
  private final List<SimulatedBroker> brokers = new ArrayList<>();
  private final List<Checkpoint> retained = new ArrayList<>();
  private final StartPosition start;
  private Topology document;
  private @Nullable SimulatedJob job;
  private long nowMs = 1000;
  private long checkpoints;
  private long values;
  private int pollLimit = 3;
  private String fault = "none";
  private @Nullable Exception meanwhileFailed;
  private List<String> meanwhile = List.of();

  /** {@code new <start> <brokers> <partitions> <policy> <parallelism> <document>}. */
  SimulatedWorld(String[] words) throws Exception {
    start = words[1].equals("latest") ? StartPosition.latest() : StartPosition.earliest();
    for (int i = 0; i < Integer.parseInt(words[2]); i++) {
      brokers.add(new SimulatedBroker(i, Integer.parseInt(words[3])));
    }
    document = document(words[6]);
    retained.add(new Checkpoint(-1, null, List.of()));
    run(0, Integer.parseInt(words[5]), OutOfRangePolicy.valueOf(words[4]), true);
  }

  /** Plays a whole history and returns its trace. */
  static String play(String start, String commands) throws Exception {
    SimulatedWorld world = new SimulatedWorld(start.split(" "));
    try {
      for (String command : commands.split(";")) {
        world.run(command);
      }
      return world.trace();
    } finally {
      world.close();
    }
  }

  /** What follows in the trace comes of the command of that number. */
  void step(int number) {
    trace.add(Integer.toString(number));
  }

  /** All that came of the commands, as JSON. */
  String trace() {
    return trace.json();
  }

  long nowMs() {
    return nowMs;
  }

  void close() {
    if (job != null) {
      job.close();
    }
  }

  /** Clients of simulated brokers, no threads, a clock that stands still between commands. */
  Surroundings surroundings(SimulatedJob owner) {
    return new Surroundings() {
      @Override
      public Admin admin(Primary primary, String clientId) {
        return SimulatedAdmin.of(broker(primary), clientId);
      }

      @Override
      public Consumer<byte[], byte[]> consumer(
          Primary primary, String clientId, Map<String, String> overrides, MetadataWatch watch) {
        return new SimulatedConsumer(broker(primary), watch, () -> pollLimit);
      }

      @Override
      public void start(PrimaryProbe probe) {
        owner.started(probe);
      }

      @Override
      public void start(PrimaryFetcher fetcher) {
        owner.started(fetcher);
      }

      @Override
      public long nanoTime() {
        return nowMs * 1_000_000;
      }

      @Override
      public Duration patience(Duration wanted) {
        return Duration.ZERO;
      }
    };
  }

  private SimulatedBroker broker(Primary primary) {
    return brokers.get(Integer.parseInt(primary.bootstrap().get(0)));
  }

  /** Carries a command out; what follows a {@code |} happens within a fetcher's turn. */
  void run(String command) throws Exception {
    String[] parts = command.split("\\|");
    meanwhile = List.of(parts).subList(1, parts.length);
    nowMs++;
    if (!onBroker(parts[0].split(" "))) {
      onJob(parts[0].split(" "));
    }
  }

  private boolean onBroker(String[] words) {
    if (words[0].equals("tick")) {
      nowMs += TICK_MS;
      return true;
    }
    if (!ON_BROKER.contains(words[0])) {
      return false;
    }
    SimulatedBroker broker = brokers.get(number(words, 1) % brokers.size());
    SimulatedLog log = words.length > 2 ? broker.log(number(words, 2)) : null;
    long count = words.length > 3 ? number(words, 3) : 1;
    switch (words[0]) {
      case "produce" -> produce(broker, log, count, true);
      case "mark" -> produce(broker, log, count, false);
      case "kill" -> broker.up(false);
      case "revive" -> broker.up(true);
      case "wipe" -> broker.wipe();
      case "delete" -> broker.delete();
      case "create" -> broker.create();
      case "lag" -> broker.lag(true);
      case "outdate" -> broker.lag(false);
      case "catchup" -> broker.catchUp();
      case "grow" -> broker.grow(1);
      case "trim" -> {
        if (log != null) {
          log.trim(log.start() + count);
        }
      }
      case "elect" -> {
        if (log != null) {
          log.elect(log.end() - count);
        }
      }
      default -> throw new IllegalArgumentException(words[0]);
    }
    return true;
  }

  private void produce(
      SimulatedBroker broker, @Nullable SimulatedLog log, long count, boolean seen) {
    for (long i = 0; log != null && broker.isUp() && i < count; i++) {
      log.append(seen ? Long.toString(values++) : null, nowMs);
    }
  }

  private void onJob(String[] words) throws Exception {
    if (words[0].equals("publish")) {
      document = document(words[1]);
      if (job != null) {
        job.publish(document);
      }
      return;
    }
    if (words[0].equals("restore")) {
      run(
          number(words, 1),
          number(words, 2),
          OutOfRangePolicy.valueOf(words[3]),
          words[4].equals("published"));
      return;
    }
    SimulatedJob running = job;
    if (running != null) {
      try {
        onJob(words, running);
        throwWhatFailedMeanwhile();
      } catch (LostRecordsException e) {
        trace.add(Trace.loss("refused", -1, e.loss()));
        kill();
      } catch (Exception e) {
        trace.add(Trace.line("died", e.getClass().getSimpleName(), String.valueOf(e.getMessage())));
        kill();
      }
    }
  }

  private void throwWhatFailedMeanwhile() throws Exception {
    Exception failed = meanwhileFailed;
    meanwhileFailed = null;
    if (failed != null) {
      throw failed;
    }
  }

  private void onJob(String[] words, SimulatedJob running) throws Exception {
    switch (words[0]) {
      case "probe" -> running.probe(number(words, 1), number(words, 2));
      case "coordinate" -> {
        for (int i = 0; i < number(words, 1); i++) {
          running.deliverToCoordinator();
        }
      }
      case "deliver" -> {
        for (int i = 0; i < number(words, 2); i++) {
          running.deliverToTask(number(words, 1));
        }
      }
      case "fetch" -> {
        pollLimit = number(words, 3);
        fault = words[4];
        running.turn(number(words, 1), number(words, 2));
        fault = "none";
      }
      case "emit" -> running.emit(number(words, 1), number(words, 2));
      case "checkpoint" -> running.checkpoint(++checkpoints);
      case "abort" -> running.abort();
      case "settle" -> running.settle();
      case "fail" -> running.failTask(number(words, 1));
      case "drain" -> drain(running);
      default -> throw new IllegalArgumentException(words[0]);
    }
    if (retained.get(retained.size() - 1).id() < running.last().id()) {
      retained.add(running.last());
    }
    if (retained.size() > RETAINED) {
      retained.remove(0);
    }
  }

  private static int number(String[] words, int place) {
    return Integer.parseInt(words[place]);
  }

  /** A test's hand in a fetcher's turn: lets other things happen, then throws. */
  private void at(FetcherFaults.Moment moment) throws Exception {
    if (!fault.startsWith(moment.name())) {
      return;
    }
    String throwing = fault;
    fault = "none";
    for (String command : meanwhile) {
      trace.add(Trace.line("meanwhile", command));
      if (!onBroker(command.split(" ")) && job != null) {
        try {
          onJob(command.split(" "), job);
        } catch (Exception e) {
          // It is the task's: the fetcher, in whose turn this is, must not take it for its own.
          meanwhileFailed = e;
        }
      }
    }
    if (throwing.endsWith("!")) {
      throw new IllegalStateException("a fault of the test");
    }
  }

  private void drain(SimulatedJob running) throws Exception {
    pollLimit = 50;
    int quiet = 0;
    for (int round = 0; quiet < QUIET_ROUNDS; round++) {
      if (round > MAX_ROUNDS) {
        throw new IllegalStateException("does not come to rest");
      }
      int before = trace.length();
      running.settle();
      nowMs += TICK_MS;
      quiet = trace.length() == before ? quiet + 1 : 0;
    }
    trace.add(Trace.line("drained"));
  }

  private void kill() {
    if (job != null) {
      job.close();
    }
    job = null;
  }

  /** Starts a job from the checkpoint that is so many before the last one. */
  private void run(int back, int parallelism, OutOfRangePolicy policy, boolean published)
      throws Exception {
    kill();
    Checkpoint from = retained.get(Math.max(0, retained.size() - 1 - back));
    retained.removeIf(each -> each.id() > from.id());
    boolean needed = from.enumerator() == null;
    trace.add(Trace.line("started", from.id(), parallelism, policy.name()));
    SimulatedJob next = new SimulatedJob(settings(policy), parallelism, from, this, trace);
    job = next;
    next.start(published || needed ? document : null);
    retained.set(retained.size() - 1, from);
  }

  private UnionSettings settings(OutOfRangePolicy policy) {
    return new UnionSettings(
        "simulated",
        "s",
        PerPrimary.all(start),
        PerPrimary.all(StopPosition.never()),
        policy,
        null,
        Duration.ofSeconds(10),
        Duration.ofSeconds(10),
        Duration.ofMinutes(10),
        Map.of(),
        WatermarkMode.strategy(),
        (primary, moment, records) -> at(moment));
  }

  /** {@code a=0,b=1!}: a name, the place of its broker, and a mark for tombstones. */
  private Topology document(String text) {
    Map<String, Primary> primaries = new LinkedHashMap<>();
    for (String each : text.split(",")) {
      String[] pair = each.replace("!", "").split("=");
      Primary.WantedState state = each.endsWith("!") ? Primary.WantedState.REMOVED : null;
      int place = Integer.parseInt(pair[1]) % brokers.size();
      primaries.put(pair[0], new Primary(List.of(Integer.toString(place)), state, null));
    }
    long generation = document == null ? 1 : document.generation() + 1;
    Map<String, StreamSpec> streams = Map.of("s", new StreamSpec("s", 2, null, 3600L, null));
    return new Topology(generation, Map.of("g", new Group(primaries, streams)));
  }
}
