package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A core with primaries that do what the test says, at the time that the test says. */
final class CoreRig {
  final List<Delivery> deliveries = new ArrayList<>();
  final PrismCore core;
  private final Completions completions = new Completions(() -> {});
  private final Map<String, FakePrimary> primaries = new LinkedHashMap<>();
  private final long now = TimeUnit.DAYS.toNanos(1);
  private int sequence;

  /** A primary that keeps what it gets until the test answers it. */
  static final class FakePrimary implements Transport {
    final List<Attempt> open = new ArrayList<>();
    final List<Send> log = new ArrayList<>();
    int rebuilds;
    boolean answersAtOnce;

    @Override
    public void send(Send send, Attempt attempt) {
      if (answersAtOnce) {
        log.add(send);
        attempt.acknowledge(0, log.size() - 1);
      } else {
        open.add(attempt);
      }
    }

    @Override
    public void rebuild(String reason) {
      rebuilds++;
    }

    @Override
    public void close() {}

    @Override
    public void awaitClosed(Duration limit) {}

    void failAll(Exception error) {
      List<Attempt> all = List.copyOf(open);
      open.clear();
      all.forEach(attempt -> attempt.fail(error));
    }
  }

  CoreRig(PrismOptions options, int copies, String... names) {
    core =
        new PrismCore(
            "s",
            options,
            completions,
            (send, superseded, error) -> deliveries.add(send.delivery(superseded, error)));
    List<Lane> lanes = new ArrayList<>();
    for (String name : names) {
      FakePrimary primary = new FakePrimary();
      primaries.put(name, primary);
      lanes.add(new Lane(name, lanes.size(), primary, new LaneStats(), now));
    }
    core.setLanes(lanes, copies);
    core.hold(null);
    lanes.forEach(lane -> core.ready(lane, lane.name(), now));
    this.lanes = lanes;
  }

  final List<Lane> lanes;

  FakePrimary primary(String name) {
    return primaries.get(name);
  }

  Lane lane(String name) {
    return lanes.stream().filter(lane -> lane.name().equals(name)).findFirst().orElseThrow();
  }

  Send send() {
    return send(OutgoingRecord.of(new byte[10]), null);
  }

  /** An upsert with a version that grows with each call. */
  Send upsert(String key, String value) {
    OutgoingRecord record = OutgoingRecord.of(key.getBytes(), value.getBytes());
    return send(record, new RecordVersion(0, sequence + 1L));
  }

  private Send send(OutgoingRecord record, @Nullable RecordVersion version) {
    RecordId id = RecordId.supplied("rig", sequence++);
    Send send = new Send(record, id, version, 0, delivery -> {});
    core.accept(send, now);
    settle();
    return send;
  }

  /** Both have answered before, so that they are known to be prompt. */
  CoreRig warm() {
    primaries.values().forEach(primary -> primary.answersAtOnce = true);
    for (int i = 0; i < 500 * primaries.size(); i++) {
      send();
    }
    primaries.values().forEach(primary -> primary.answersAtOnce = false);
    primaries.values().forEach(primary -> primary.log.clear());
    deliveries.clear();
    return this;
  }

  /** Hands over what ended, as the engine does. */
  void settle() {
    boolean more = true;
    while (more) {
      more = false;
      for (Attempt attempt = completions.takeAll(); attempt != null; ) {
        Attempt next = attempt.nextCompleted;
        attempt.nextCompleted = null;
        core.ended(attempt, now);
        attempt = next;
        more = true;
      }
      more |= core.pump(now);
    }
  }

  void ready(String name) {
    core.ready(lane(name), name, now);
    settle();
  }

  void unready(String name) {
    core.unready(lane(name), "gone", now);
  }

  long doneCount() {
    return deliveries.stream().filter(d -> d.error() == null && !d.superseded()).count();
  }
}
