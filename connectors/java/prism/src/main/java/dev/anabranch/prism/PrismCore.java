package dev.anabranch.prism;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decides which primary gets which record, and when a send is done. Single-threaded, without a
 * clock of its own and without Kafka: it is driven by its caller with events and the time.
 */
final class PrismCore {
  /** One primary may have a lower limit for the size of a record; two are enough. */
  private static final int REFUSALS = 2;

  private final String stream;
  private final long hedgeAfterNanos;
  private final long maxBlockNanos;
  private final int maxRecords;
  private final long maxBytes;
  private final Completions completions;
  private final Ends ends;
  private final Chooser chooser;
  private final InFlight inFlight = new InFlight();
  private final ArrayDeque<Send> waiting = new ArrayDeque<>();
  private final Map<KeyBytes, Send> latest = new HashMap<>();
  private List<Lane> lanes = List.of();

  // Before the first document nobody knows, so nothing can be done with fewer.
  private int copies = Integer.MAX_VALUE;

  /** Says why nothing may be sent at all, or null. */
  private @Nullable String held = "there is no topology document yet";

  /** Something may now take what waits. */
  private boolean changed;

  /** Is told how sends end. */
  interface Ends {
    void ended(Send send, boolean superseded, @Nullable RuntimeException error);
  }

  PrismCore(String stream, PrismOptions options, Completions completions, Ends ends) {
    this.stream = stream;
    this.hedgeAfterNanos = options.hedgeAfter().toNanos();
    this.maxBlockNanos = options.maxBlock().toNanos();
    this.maxRecords = options.maxInFlightRecords();
    this.maxBytes = options.maxInFlightBytes();
    this.completions = completions;
    this.ends = ends;
    this.chooser = new Chooser(options.home(), hedgeAfterNanos);
  }

  boolean isFull() {
    return inFlight.count() >= maxRecords || inFlight.bytes() >= maxBytes;
  }

  boolean isIdle() {
    return inFlight.count() == 0;
  }

  int inFlightRecords() {
    return inFlight.count();
  }

  long inFlightBytes() {
    return inFlight.bytes();
  }

  /** Takes over the primaries of a new document. Lanes that are not in it have been retired. */
  void setLanes(List<Lane> all, int copiesWanted) {
    lanes = all;
    chooser.setLanes(all);
    copies = copiesWanted;
    for (Send send = inFlight.oldest(); send != null; ) {
      Send next = send.newer;
      // Fewer copies may be all that was wanted to let these end; more count for new ones only.
      send.copies = Math.min(send.copies, copiesWanted);
      if (send.isDone()) {
        end(send, null);
      }
      send = next;
    }
    changed = true;
  }

  /** Holds back everything for that reason, or goes on where it is null. */
  void hold(@Nullable String reason) {
    changed |= held != null && reason == null;
    held = reason;
  }

  /** Accepts a send, whether or not there is room: asking {@link #isFull} is the caller's part. */
  void accept(Send send, long now) {
    send.copies = copies;
    send.acceptedNanos = now;
    Send before = send.upsertKey == null ? null : latest.put(send.upsertKey, send);
    if (before == null) {
      inFlight.add(send);
    } else {
      supersede(before, send);
    }
    place(send, now);
  }

  /** An attempt ended. */
  void ended(Attempt attempt, long now) {
    Lane lane = attempt.lane;
    Send send = attempt.send;
    boolean overdue = !attempt.watched;
    lane.ended(attempt, now);
    send.outstandingLanes &= ~lane.bit();
    send.overdueLanes &= ~lane.bit();
    if (attempt.error == null) {
      Breaker.State before = lane.breaker.state();
      lane.breaker.acknowledged(attempt.startedNanos, !overdue, now);
      changed |= before != lane.breaker.state();
      if (!send.ended) {
        send.addAck(attempt);
        if (send.isDone()) {
          end(send, null);
        }
      }
    } else {
      failed(attempt, attempt.error, now);
    }
  }

  /** A primary answers (again). */
  void ready(Lane lane, long now) {
    lane.setReady(true);
    lane.breaker.revive(now);
    changed = true;
  }

  void unready(Lane lane, String reason) {
    lane.setReady(false);
    lane.lastError = reason;
  }

  /** Looks at what has become of time: hedges, silence, and sends that took too long. */
  void tick(long now) {
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      lane.busy = false;
      hedge(lane, now);
      lane.stats.breaker = lane.breaker.state().ordinal();
    }
    changed = true;
    pump(now);
    expire(now);
  }

  /** Places what waits, if anything has changed since it could not be; returns whether it had. */
  boolean pump(long now) {
    if (!changed) {
      return false;
    }
    changed = false;
    for (int left = waiting.size(); left > 0 && chooser.anyAdmits(now); left--) {
      Send send = waiting.remove();
      send.waiting = false;
      place(send, now);
    }
    return true;
  }

  private void place(Send send, long now) {
    while (!send.ended && send.missing() > 0) {
      Lane lane = held == null ? chooser.pick(send, now) : null;
      if (lane == null) {
        if (!send.waiting) {
          send.waiting = true;
          waiting.add(send);
        }
        return;
      }
      Attempt attempt = new Attempt(send, lane, now, completions);
      send.attempts++;
      send.outstandingLanes |= lane.bit();
      lane.started(attempt);
      lane.transport().send(send, attempt);
    }
  }

  private void failed(Attempt attempt, Exception error, long now) {
    Send send = attempt.send;
    Lane lane = attempt.lane;
    SendErrors.Fault fault = SendErrors.faultOf(error);
    switch (fault) {
      case RECORD -> {
        refused(attempt, error, now);
        return;
      }
      case BUSY -> lane.busy = true;
      case PRODUCER -> {
        lane.breaker.silent(now);
        // All attempts of a broken client fail alike; one new client is enough.
        if (attempt.startedNanos - lane.rebuiltNanos > 0) {
          lane.rebuiltNanos = now;
          lane.transport().rebuild(Lane.describe(error));
        }
      }
      case PRIMARY -> lane.breaker.failed(attempt.startedNanos, now);
    }
    send.ambiguous |= !attempt.neverLeft;
    send.failedLanes |= lane.bit();
    place(send, now);
  }

  /** A primary refuses the record itself. Limits differ, so a second one is asked. */
  private void refused(Attempt attempt, Exception error, long now) {
    Send send = attempt.send;
    send.refusedLanes |= attempt.lane.bit();
    if (attempt.neverLeft) {
      attempt.lane.breaker.unused();
    } else {
      attempt.lane.breaker.answered(now);
    }
    if (send.ended) {
      return;
    }
    // Our own limits are the same for all primaries.
    if (attempt.neverLeft
        || Long.bitCount(send.refusedLanes) >= REFUSALS
        || !chooser.canPlace(send, now)) {
      end(send, SendErrors.recordError(error));
    } else {
      place(send, now);
    }
  }

  private void hedge(Lane lane, long now) {
    hedge(lane, lane.patience(hedgeAfterNanos), now);
    // The last primary that takes anything is kept: slow is better than nothing.
    if (lane.isSilent()
        && (lane.breaker.state() == Breaker.State.HALF_OPEN || chooser.anyOtherCloses(lane))) {
      lane.lastError = "no acknowledgement for " + hedgeAfterNanos / 1_000_000 + " ms";
      lane.breaker.silent(now);
    }
    if (lane.breaker.state() == Breaker.State.OPEN) {
      // What it still has will hardly be answered sooner than another primary answers it.
      hedge(lane, -1, now);
    }
  }

  private void hedge(Lane lane, long patienceNanos, long now) {
    for (Attempt attempt = lane.watch.oldest();
        attempt != null && now - attempt.startedNanos > patienceNanos;
        attempt = lane.watch.oldest()) {
      lane.becameOverdue(attempt);
      attempt.send.overdueLanes |= lane.bit();
      place(attempt.send, now);
    }
  }

  /** A newer version of a key takes over the duty of the older one, which is not sent again. */
  private void supersede(Send before, Send by) {
    inFlight.replace(before, by);
    before.ended = true;
    ends.ended(before, true, null);
  }

  private void end(Send send, @Nullable RuntimeException error) {
    send.ended = true;
    inFlight.remove(send);
    if (send.upsertKey != null) {
      latest.remove(send.upsertKey, send);
    }
    ends.ended(send, false, error);
  }

  private void expire(long now) {
    DeliveryException failure = null;
    for (Send send = inFlight.oldest();
        send != null && now - send.acceptedNanos > maxBlockNanos;
        send = inFlight.oldest()) {
      if (failure == null) {
        failure = new DeliveryException(describeTrouble(), null);
      }
      end(send, failure);
    }
  }

  /** What is wrong, one clause per primary. */
  String describeTrouble() {
    StringBuilder text = new StringBuilder("stream ").append(stream).append(": ");
    text.append(inFlight.count()).append(" records in flight, the oldest undelivered for ");
    text.append(maxBlockNanos / 1_000_000).append(" ms (max-block)");
    if (copies > 1 && !lanes.isEmpty()) {
      text.append("; ").append(copies).append(" copies are wanted");
    }
    if (held != null) {
      text.append("; nothing is sent: ").append(held);
    }
    if (lanes.isEmpty()) {
      text.append("; no primary is active");
    }
    for (Lane lane : lanes) {
      text.append("; ").append(lane.describe());
    }
    return text.toString();
  }
}
