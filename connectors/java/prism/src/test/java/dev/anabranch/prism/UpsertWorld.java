package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.topology.Primary;
import dev.anabranch.topology.Primary.WantedState;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A job that writes upserts to three simulated primaries, drawn from a seed before it runs: its
 * updates, what happens to the primaries, its checkpoints, and its crashes after emission and
 * before the next checkpoint.
 */
final class UpsertWorld {
  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final int UPDATES = 300;
  private static final int KEYS = 7;

  /**
   * How far a restore's clock may be off: further than runs last. Where no checkpoint came between,
   * it is the same one's: of two restores of one checkpoint clocks must not differ by more than the
   * time between them (decision 0020).
   */
  private static final int SKEW_MS = 25_000;

  private final Random random;
  private final boolean appliesLate;
  private final List<OutgoingRecord> updates = new ArrayList<>();
  private final Map<String, SimulatedPrimary> primaries = new TreeMap<>();

  /** Clients of runs before: what they had sent may still be applied. */
  private final List<SimulatedPrimary.Client> former = new ArrayList<>();

  private final Map<String, RecordVersion> highest = new HashMap<>();
  private final Map<Send, Integer> runOf = new HashMap<>();
  private long now = TimeUnit.DAYS.toNanos(1);
  private int runs;
  private Run run;

  // The last checkpoint.
  private int position;
  private List<VersionFloor> floors = List.of();
  private boolean checkpointed;
  private long skewMs;

  /**
   * @param appliesLate whether what a crashed run had sent to a paused primary is applied when that
   *     goes on; else it went with its connection
   */
  UpsertWorld(long seed, boolean appliesLate) {
    this.random = new Random(seed);
    this.appliesLate = appliesLate;
    for (int i = 0; i < UPDATES; i++) {
      byte[] key = bytes("k" + random.nextInt(KEYS));
      boolean delete = random.nextInt(8) == 0;
      updates.add(new OutgoingRecord(key, bytes("v" + i), 1L, RawHeader.NONE, null, 0, delete));
    }
    List.of("a", "b", "c").forEach(name -> primaries.put(name, new SimulatedPrimary(name)));
    run = new Run();
  }

  /** One run of the job, from a restore to its end. */
  private final class Run {
    final int number = ++runs;
    final Map<SimulatedPrimary, SimulatedPrimary.Client> clients = new LinkedHashMap<>();
    final Completions completions = new Completions(() -> {});
    final PrismCore core;
    final Lanes lanes;
    final VersionClock clock;
    int next = position;

    Run() {
      if (checkpointed) {
        skewMs = random.nextInt(2 * SKEW_MS) - SKEW_MS;
        checkpointed = false;
      }
      long own = skewMs;
      clock = new VersionClock(() -> TimeUnit.NANOSECONDS.toMillis(now) + own, floors);
      PrismOptions options = PrismOptions.builder().maxBlock(Duration.ofHours(10)).build();
      core = new PrismCore("s", options, completions, (send, superseded, error) -> {});
      lanes = new Lanes(options, this::client, events(), (name, stats) -> {});
      Map<String, Primary> active = new TreeMap<>();
      primaries
          .keySet()
          .forEach(
              name ->
                  active.put(name, new Primary(List.of(name + ":9092"), WantedState.ACTIVE, null)));
      core.setLanes(lanes.apply(new StreamView("s", "s", 1, 1, active), now, core.knownLanes()), 1);
      core.hold(null);
    }

    private Transport client(
        String name, Primary primary, StreamView view, Transport.Listener listener) {
      SimulatedPrimary simulated = primaries.get(name);
      SimulatedPrimary.Client client = simulated.new Client(listener);
      clients.put(simulated, client);
      if (simulated.reachable) {
        listener.ready(name);
      }
      return client;
    }

    private Lanes.LaneEvents events() {
      return new Lanes.LaneEvents() {
        @Override
        public void ready(Lane lane, String cluster) {
          core.ready(lane, cluster, now);
        }

        @Override
        public void unready(Lane lane, String reason) {
          core.unready(lane, reason, now);
        }
      };
    }

    void emit() {
      if (next < UPDATES && !core.isFull()) {
        OutgoingRecord record = updates.get(next++);
        RecordVersion version = new RecordVersion(1, clock.next());
        RecordVersion before = highest.put(key(record), version);
        if (before != null) {
          assertThat(version).as("versions grow, also over a restore").isGreaterThan(before);
        }
        Send send = new Send(record, RecordId.supplied("run" + number, next), version, 1, null);
        runOf.put(send, number);
        core.accept(send, now);
        settle();
      }
    }

    void settle() {
      boolean more = true;
      while (more) {
        clients.values().forEach(SimulatedPrimary.Client::work);
        more = false;
        for (Attempt attempt = completions.takeAll(); attempt != null; ) {
          Attempt following = attempt.nextCompleted;
          attempt.nextCompleted = null;
          core.ended(attempt, now);
          attempt = following;
          more = true;
        }
        more |= core.pump(now);
      }
    }
  }

  /** Plays it to its end, at which all primaries work and every update was written. */
  void play() {
    while (run.next < UPDATES) {
      int dice = random.nextInt(100);
      if (dice < 60) {
        run.emit();
      } else if (dice < 75) {
        pass(1 + random.nextInt(75));
      } else if (dice < 92) {
        hurtOrMend(List.copyOf(primaries.values()).get(random.nextInt(primaries.size())));
      } else if (dice < 97) {
        checkpoint();
      } else {
        crash();
      }
    }
    primaries.values().forEach(this::goOn);
    for (int i = 0; i < 100 && !run.core.isIdle(); i++) {
      pass(50);
    }
    assertThat(run.core.isIdle()).isTrue();
  }

  private void pass(int ticks) {
    for (int i = 0; i < ticks; i++) {
      now += TICK_NANOS;
      run.clients.values().forEach(SimulatedPrimary.Client::tick);
      former.forEach(SimulatedPrimary.Client::work);
      run.settle();
      run.core.tick(now);
      run.settle();
    }
  }

  private void hurtOrMend(SimulatedPrimary primary) {
    switch (random.nextInt(6)) {
      case 0 -> {
        primary.answering = false;
        primary.accepts = true;
      }
      case 1 -> {
        primary.answering = false;
        primary.accepts = false;
      }
      case 2 -> {
        primary.reachable = false;
        SimulatedPrimary.Client client = run.clients.get(primary);
        client.listener.unready("connection refused");
        client.loseConnection();
      }
      default -> goOn(primary);
    }
    run.settle();
  }

  private void goOn(SimulatedPrimary primary) {
    boolean wasReachable = primary.reachable;
    primary.reachable = true;
    primary.answering = true;
    primary.accepts = true;
    if (!wasReachable) {
      run.clients.get(primary).listener.ready(primary.cluster);
    }
  }

  /** It completes only if all that was emitted is done. */
  private void checkpoint() {
    for (int i = 0; i < 20 && !run.core.isIdle(); i++) {
      pass(25);
    }
    if (run.core.isIdle()) {
      position = run.next;
      floors = List.of(run.clock.reserve());
      checkpointed = true;
    }
  }

  private void crash() {
    for (SimulatedPrimary.Client client : run.clients.values()) {
      if (appliesLate) {
        former.add(client);
      } else {
        client.loseConnection();
      }
    }
    now += TimeUnit.MILLISECONDS.toNanos(100 + random.nextInt(3_000));
    run = new Run();
  }

  int runs() {
    return runs;
  }

  /** Of each key the highest version in any log is its last update. */
  void assertHighestVersionIsTheTruth() {
    assertThat(newest(primaries.values().stream().flatMap(p -> p.log.stream()).toList()))
        .isEqualTo(truth());
  }

  /** The same after compaction, which keeps of each key the last in each log. */
  void assertCompactionKeepsTheTruth() {
    List<Send> kept = new ArrayList<>();
    for (SimulatedPrimary primary : primaries.values()) {
      Map<String, Send> last = new LinkedHashMap<>();
      primary.log.forEach(send -> last.put(key(send.record), send));
      kept.addAll(last.values());
    }
    assertThat(newest(kept)).isEqualTo(truth());
  }

  /** No version has two contents. */
  void assertVersionsAreUnique() {
    Map<RecordVersion, OutgoingRecord> contents = new HashMap<>();
    for (SimulatedPrimary primary : primaries.values()) {
      for (Send send : primary.log) {
        OutgoingRecord before = contents.put(send.version, send.record);
        assertThat(before).isIn(null, send.record);
      }
    }
  }

  /** In a log, of what one run wrote, no older version of a key comes after a newer one. */
  void assertLogsAreInOrder() {
    for (SimulatedPrimary primary : primaries.values()) {
      Map<String, RecordVersion> last = new HashMap<>();
      for (Send send : primary.log) {
        String of = (appliesLate ? runOf.get(send) : "") + key(send.record);
        RecordVersion before = last.put(of, send.version);
        if (before != null) {
          assertThat(send.version).isGreaterThanOrEqualTo(before);
        }
      }
    }
  }

  /** How many records are in more logs than one, or again in one. */
  int duplicates() {
    Set<Send> seen = new HashSet<>();
    int twice = 0;
    for (SimulatedPrimary primary : primaries.values()) {
      for (Send send : primary.log) {
        twice += seen.add(send) ? 0 : 1;
      }
    }
    return twice;
  }

  private Map<String, OutgoingRecord> truth() {
    Map<String, OutgoingRecord> last = new HashMap<>();
    updates.forEach(record -> last.put(key(record), record));
    return last;
  }

  private static Map<String, OutgoingRecord> newest(List<Send> sends) {
    Map<String, Send> newest = new HashMap<>();
    for (Send send : sends) {
      newest.merge(
          key(send.record),
          send,
          (one, other) -> one.version.compareTo(other.version) >= 0 ? one : other);
    }
    Map<String, OutgoingRecord> records = new HashMap<>();
    newest.forEach((key, send) -> records.put(key, send.record));
    return records;
  }

  private static String key(OutgoingRecord record) {
    return new String(record.key(), StandardCharsets.UTF_8);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
