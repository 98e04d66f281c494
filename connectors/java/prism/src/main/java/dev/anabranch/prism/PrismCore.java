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
  private final Twins twins;
  private final Shortage shortage;
  private final InFlight inFlight = new InFlight();

  /** Sends that no primary can take. They hold up new ones, which would fare no better. */
  private final ArrayDeque<Send> waiting = new ArrayDeque<>();

  /**
   * Overdue sends that no other primary would answer sooner, as far as is known. They still may be
   * answered where they are, and hold up nobody.
   */
  private final ArrayDeque<Send> wishes = new ArrayDeque<>();

  private final Map<KeyBytes, Send> latest = new HashMap<>();

  /** Versions that have their duty back, since the newer one was refused. */
  private final ArrayDeque<Send> restored = new ArrayDeque<>();

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
    this.twins = new Twins(stream, options.home());
    this.shortage = new Shortage(options.degradeAfter());
  }

  boolean isFull() {
    return inFlight.count() >= maxRecords || inFlight.bytes() >= maxBytes || !waiting.isEmpty();
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

  /** Bits of the lanes that sends in flight know: no other lane may have them. */
  long knownLanes() {
    long known = 0;
    for (Send send = inFlight.oldest(); send != null; send = send.newer) {
      known |= send.takenLanes() | send.failedLanes;
    }
    return known;
  }

  /** Takes over the primaries of a new document. Lanes that are not in it have been retired. */
  void setLanes(List<Lane> all, int copiesWanted) {
    lanes = all;
    twins.follow(all);
    twins.settle(all);
    chooser.setLanes(all);
    copies = copiesWanted;
    shortage.want(copiesWanted);
    for (Send send = inFlight.oldest(); send != null; send = send.newer) {
      // More count for new ones only.
      send.copies = Math.min(send.copies, copiesWanted);
    }
    endDone();
    changed = true;
  }

  /** Fewer copies may be all that was wanted to let these end. */
  private void endDone() {
    for (Send send = inFlight.oldest(); send != null; ) {
      Send next = send.newer;
      if (send.isDone(enough())) {
        end(send, null);
      }
      send = next;
    }
  }

  /** Copies that do where no more can be had. What is held back is not short of primaries. */
  private int enough() {
    return held == null ? shortage.enough() : Integer.MAX_VALUE;
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
    send.keepsAcks |= shortage.isAllowed();
    inFlight.add(send);
    Send before = send.upsertKey == null ? null : latest.put(send.upsertKey, send);
    if (before != null) {
      before.successor = send;
      send.predecessor = before;
    }
    place(send, now);
  }

  /** An attempt ended. */
  void ended(Attempt attempt, long now) {
    Lane lane = attempt.lane;
    Send send = attempt.send;
    lane.ended(attempt, now);
    send.outstandingLanes &= ~lane.bit();
    send.overdueLanes &= ~lane.bit();
    if (attempt.error == null) {
      answered(attempt, now);
      if (!send.ended) {
        send.addAck(attempt);
        if (send.isDone(enough())) {
          end(send, null);
        }
      }
    } else {
      failed(attempt, attempt.error, now);
      placeRestored(now);
    }
  }

  /**
   * A primary answers (again).
   *
   * @param cluster the id of its Kafka cluster, empty where it does not tell
   */
  void ready(Lane lane, String cluster, long now) {
    lane.setReady(true);
    twins.showed(lane, cluster);
    lane.breaker.revive(now);
    lane.probe();
    twins.settle(lanes);
    changed = true;
  }

  /** A primary is out of reach, at least for the moment. */
  void unready(Lane lane, String reason, long now) {
    lane.note(reason, false);
    lane.lost(now);
  }

  /** Looks at what has become of time: hedges, silence, and sends that took too long. */
  void tick(long now) {
    for (int i = 0; i < lanes.size(); i++) {
      lanes.get(i).busy = false;
      lanes.get(i).listen(hedgeAfterNanos, now);
    }
    if (shortage.look(chooser.working(), now)) {
      endDone();
    }
    for (int i = 0; i < lanes.size(); i++) {
      look(lanes.get(i), now);
    }
    twins.settle(lanes);
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
    for (int left = waiting.size(); left > 0 && chooser.anyAdmits(); left--) {
      Send send = waiting.remove();
      send.waiting = false;
      place(send, now);
    }
    for (int left = wishes.size(); left > 0 && chooser.anyAdmits(); left--) {
      Send send = wishes.remove();
      send.wishing = false;
      place(send, now);
    }
    placeRestored(now);
    forgetEnded();
    return true;
  }

  /** What ended by itself, or is not sent again, holds up nobody. */
  private void forgetEnded() {
    while (!waiting.isEmpty() && !waiting.element().isPursued()) {
      waiting.remove().waiting = false;
    }
    while (!wishes.isEmpty() && !wishes.element().isPursued()) {
      wishes.remove().wishing = false;
    }
  }

  /** In a loop and not where the newer one ends: of a key, any number may be refused in turn. */
  private void placeRestored(long now) {
    for (Send send = restored.poll(); send != null; send = restored.poll()) {
      place(send, now);
    }
  }

  private void place(Send send, long now) {
    while (send.isPursued() && send.missing() > 0) {
      Lane lane = held == null ? chooser.pick(send) : null;
      if (lane == null) {
        postpone(send);
        return;
      }
      Attempt attempt = new Attempt(send, lane, now, completions);
      send.attempts++;
      send.outstandingLanes |= lane.bit();
      lane.started(attempt);
      lane.transport().send(send, attempt);
    }
  }

  /** A send that no primary can take, or only wants a hedge that none can give. */
  private void postpone(Send send) {
    RecordException refusal = send.refusal;
    if (send.isDone(enough())) {
      end(send, null);
    } else if (send.isCovered(chooser.left(), Math.min(send.copies, enough()))) {
      if (!send.wishing) {
        send.wishing = true;
        wishes.add(send);
      }
    } else if (refusal != null && held == null) {
      // To wait for a primary that might take it would hold up all others.
      end(send, refusal);
    } else if (!send.waiting) {
      send.waiting = true;
      waiting.add(send);
    }
  }

  /** A primary acknowledged, or refused, something. */
  private void answered(Attempt attempt, long now) {
    Lane lane = attempt.lane;
    Breaker.State before = lane.breaker.state();
    lane.answered(now);
    lane.breaker.answered(attempt.startedNanos, now);
    if (before != lane.breaker.state()) {
      changed = true;
      if (lane.breaker.state() == Breaker.State.CLOSED) {
        lane.closed();
      }
    }
  }

  private void failed(Attempt attempt, Exception error, long now) {
    Send send = attempt.send;
    Lane lane = attempt.lane;
    SendErrors.Fault fault = SendErrors.faultOf(error);
    if (fault == SendErrors.Fault.RECORD) {
      refused(attempt, error, now);
      return;
    }
    if (fault == SendErrors.Fault.BUSY) {
      lane.busy = true;
      lane.breaker.unused(attempt.startedNanos);
    } else {
      lane.note(Lane.describe(error), SendErrors.isVague(error));
      blame(attempt, error, fault, now);
    }
    send.ambiguous |= !attempt.neverLeft && !SendErrors.surelyNotWritten(error);
    send.failedLanes |= lane.bit();
    place(send, now);
  }

  /** The primary, or the way to it, is at fault. */
  private void blame(Attempt attempt, Exception error, SendErrors.Fault fault, long now) {
    Lane lane = attempt.lane;
    if (fault == SendErrors.Fault.PRIMARY) {
      lane.breaker.failed(attempt.startedNanos, now);
      return;
    }
    // All attempts of a broken client fail alike; one new client is enough.
    if (attempt.startedNanos - lane.rebuiltNanos > 0) {
      lane.breaker.trip(now);
      lane.rebuilt(now);
      lane.transport().rebuild(Lane.describe(error));
    }
  }

  /** A primary refuses the record itself. Limits differ, so a second one is asked. */
  private void refused(Attempt attempt, Exception error, long now) {
    Send send = attempt.send;
    send.refusedLanes |= attempt.lane.bit();
    if (attempt.neverLeft) {
      attempt.lane.breaker.unused(attempt.startedNanos);
    } else {
      answered(attempt, now);
    }
    if (send.ended) {
      return;
    }
    RecordException refusal = SendErrors.recordError(error);
    // Our own limits are the same for all primaries.
    if (attempt.neverLeft || Long.bitCount(send.refusedLanes) >= REFUSALS) {
      end(send, refusal);
    } else {
      send.refusal = refusal;
      place(send, now);
    }
  }

  private void look(Lane lane, long now) {
    // One that a record cannot be done without is kept: slow is better than nothing.
    if (lane.isLost(now) || (lane.isQuiet() && chooser.working() >= shortage.enough())) {
      lane.breaker.trip(now);
    }
    long patience = lane.patience(hedgeAfterNanos);
    for (Attempt attempt = lane.watch.oldest();
        attempt != null && lane.isOverdue(attempt, patience, now);
        attempt = lane.watch.oldest()) {
      hedge(lane, attempt, now);
    }
    if (lane.breaker.state() == Breaker.State.OPEN) {
      evacuate(lane, now);
    }
    if (lane.isReady() && lane.breaker.cool(now)) {
      lane.probe();
    }
    lane.showBreaker();
  }

  /** What it still has will hardly be answered sooner than another primary answers it. */
  private void evacuate(Lane lane, long now) {
    for (Attempt attempt = lane.watch.oldest(); attempt != null; attempt = lane.watch.oldest()) {
      hedge(lane, attempt, now);
    }
  }

  private void hedge(Lane lane, Attempt attempt, long now) {
    lane.becameOverdue(attempt);
    attempt.send.overdueLanes |= lane.bit();
    place(attempt.send, now);
  }

  /** What is done, or too late, is so for all older versions of its key; what is refused is not. */
  private void end(Send send, @Nullable RuntimeException error) {
    Send older = send.predecessor;
    boolean dutyReturns = error instanceof RecordException;
    unlink(send, dutyReturns ? older : null);
    // Listeners are told when all is consistent.
    if (!dutyReturns) {
      endSuperseded(older);
    }
    ends.ended(send, false, error);
  }

  private void endSuperseded(@Nullable Send newest) {
    for (Send send = newest; send != null; ) {
      Send older = send.predecessor;
      remove(send);
      ends.ended(send, true, null);
      send = older;
    }
  }

  /** Takes it out of the versions of its key; {@code heir} is the one before it now. */
  private void unlink(Send send, @Nullable Send heir) {
    KeyBytes key = send.upsertKey;
    Send newer = send.successor;
    if (heir != null) {
      heir.successor = newer;
    }
    if (newer != null) {
      newer.predecessor = heir;
    } else if (key != null && heir != null) {
      latest.put(key, heir);
      restored.add(heir);
    } else if (key != null) {
      latest.remove(key, send);
    }
    remove(send);
  }

  private void remove(Send send) {
    send.ended = true;
    // Unanswered attempts still keep it, and it must not keep others.
    send.predecessor = null;
    send.successor = null;
    inFlight.remove(send);
  }

  private void expire(long now) {
    DeliveryException failure = null;
    for (Send send = inFlight.oldest();
        send != null && now - send.acceptedNanos > maxBlockNanos;
        send = inFlight.oldest()) {
      if (shortage.isAllowed() && held == null && send.isPartlyDone()) {
        // It has waited for longer than degrade_after, if with primaries that came and went.
        end(send, null);
        continue;
      }
      if (failure == null) {
        failure = new DeliveryException(describeTrouble(), null);
      }
      end(dutyOf(send), failure);
    }
  }

  /** The newest version of the key. */
  private static Send dutyOf(Send send) {
    Send newest = send;
    for (Send next = newest.successor; next != null; next = next.successor) {
      newest = next;
    }
    return newest;
  }

  /** What is wrong, one clause per primary. */
  String describeTrouble() {
    StringBuilder text = new StringBuilder("stream ").append(stream).append(": ");
    text.append(inFlight.count()).append(" records in flight, the oldest undelivered for ");
    text.append(maxBlockNanos / 100_000_000 / 10.0).append(" s (max-block)");
    if (copies > 1 && !lanes.isEmpty()) {
      text.append("; ").append(copies).append(" copies are wanted");
    }
    if (held != null) {
      text.append("; nothing is sent: ").append(held);
    }
    if (lanes.isEmpty()) {
      text.append("; no primary is active");
    }
    // One that is in use may have a partition that is stuck: then its last trouble is the only
    // clue.
    boolean someAreAway = lanes.stream().anyMatch(lane -> !lane.isInUse());
    for (Lane lane : lanes) {
      text.append("; ").append(someAreAway ? lane.describe() : lane.describeTrouble());
    }
    return text.toString();
  }
}
