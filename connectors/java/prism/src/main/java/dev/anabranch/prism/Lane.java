package dev.anabranch.prism;

import org.jspecify.annotations.Nullable;

/** One primary as the core sees it. Touched by the engine's thread only, but for its figures. */
final class Lane {
  private final String name;
  private final long bit;
  private final Transport transport;
  final Breaker breaker = new Breaker();
  final WatchList watch = new WatchList();

  /** Counts, of all lanes of this name. */
  final LaneStats stats;

  /** What is so now, of the lane of this name that is used. */
  private LaneStats shown;

  /**
   * A connection, a log-in and a producer id come before the first acknowledgement of a new client;
   * on a busy machine they take longer than a hedge should wait.
   */
  private static final long FIRST_ANSWER_NANOS = 2_000_000_000L;

  /**
   * A client that goes from the bootstrap address to the broker's own drops its metadata for a
   * moment; what is then under way is answered all the same.
   */
  private static final long LOST_NANOS = 300_000_000L;

  boolean active = true;

  /** The id of its Kafka cluster, as far as it is known. */
  String cluster = "";

  /** Bits of all lanes that are, or were, the same Kafka cluster: its own at least. */
  long kin;

  int weight = 1;

  /** Turn-taking: grows by the weight until it is this lane's turn. */
  long credit;

  /** When the transport's client was last made anew for being broken. */
  long rebuiltNanos;

  /** Full for the moment; cleared at each tick. */
  boolean busy;

  private String trouble = "it has not answered yet";

  /** Whether {@link #trouble} is concrete and nothing was acknowledged since. */
  private boolean concrete;

  /** Says whose Kafka cluster it is, if that is used under another name; null where it is not. */
  private @Nullable String twin;

  private boolean ready;
  private boolean lost;
  private long lostNanos;
  private int outstanding;
  private boolean proven;

  /** Something stayed unanswered for too long, and nothing was answered since. */
  private boolean quiet;

  private long lastAnswerNanos;

  /** Of the last acknowledgement since the last tick; -1 where there was none. */
  private long latencyNanos = -1;

  // When the attempt that was acknowledged last had been started.
  private long newestAckedNanos;

  Lane(String name, int index, Transport transport, LaneStats stats, long now) {
    this.name = name;
    this.bit = 1L << index;
    this.kin = bit;
    this.transport = transport;
    this.stats = stats;
    this.shown = stats;
    shown.ackLatencyNanos = 0;
    shown.inFlight = 0;
    this.lastAnswerNanos = now;
    this.newestAckedNanos = now;
    this.rebuiltNanos = now - 1;
  }

  String name() {
    return name;
  }

  long bit() {
    return bit;
  }

  Transport transport() {
    return transport;
  }

  boolean isReady() {
    return ready;
  }

  int outstanding() {
    return outstanding;
  }

  /** Another lane of this name is used from now on, at another address. */
  void succeeded() {
    shown = new LaneStats();
  }

  void showBreaker() {
    shown.breaker = breaker.state().ordinal();
  }

  void setReady(boolean ready) {
    this.ready = ready;
    shown.ready = ready && twin == null;
    lost = false;
  }

  /** Another name for that one's Kafka cluster, which is used in its place; null: it is not. */
  void setTwin(@Nullable Lane used) {
    twin = used == null ? null : "it is the same Kafka cluster as " + used.name + ", id " + cluster;
    shown.ready = ready && twin == null;
  }

  /** Why it is not used although it works, or null. */
  @Nullable String twin() {
    return twin;
  }

  /** Whether records go to it as a matter of course, but for its being another one's twin. */
  boolean isTaken() {
    return active && ready && breaker.state() == Breaker.State.CLOSED;
  }

  /** It is out of reach, at least for the moment. */
  void lost(long now) {
    if (ready) {
      setReady(false);
      lost = true;
      lostNanos = now;
    }
  }

  /** Whether it has gone out of reach and its breaker has yet to open. */
  boolean isLost(long now) {
    return lost && breaker.state() == Breaker.State.CLOSED && now - lostNanos >= LOST_NANOS;
  }

  /** Whether an attempt may start now. */
  boolean admits() {
    return active && ready && !busy && twin == null && breaker.admits();
  }

  /** Whether another one may be left for it. */
  boolean works() {
    return isTaken() && !busy && !quiet && twin == null;
  }

  /** Whether it is known to answer in time: a hedge onto another slow primary only adds load. */
  boolean isPrompt(long hedgeAfterNanos) {
    return works() && shown.ackLatencyNanos < hedgeAfterNanos;
  }

  /** How long an attempt may stay unanswered. */
  long patience(long hedgeAfterNanos) {
    return proven ? hedgeAfterNanos : Math.max(hedgeAfterNanos, FIRST_ANSWER_NANOS);
  }

  boolean isQuiet() {
    return quiet;
  }

  /** Finds out how prompt it is, and whether it has fallen silent. */
  void listen(long hedgeAfterNanos, long now) {
    if (latencyNanos >= 0) {
      // Once a tick: a burst of late acknowledgements after a pause is one slow answer, not many.
      shown.ackLatencyNanos += (latencyNanos - shown.ackLatencyNanos) / 16;
      latencyNanos = -1;
    }
    Attempt oldest = watch.oldest();
    long patience = patience(hedgeAfterNanos);
    if (oldest != null
        && now - oldest.startedNanos >= patience
        && now - lastAnswerNanos >= patience) {
      quiet = true;
      note("no answer for " + (now - oldest.startedNanos) / 100_000_000 / 10.0 + " s", true);
    }
  }

  /**
   * Whether the oldest attempt seems to be forgotten: the primary answers nothing at all, or has
   * acknowledged what was started long after it (one partition's leader must be stuck). One that
   * merely queues behind others that are being acknowledged is left alone: to hedge it would double
   * the load on everybody.
   */
  boolean isOverdue(Attempt oldest, long patienceNanos, long now) {
    return now - oldest.startedNanos >= patienceNanos
        && (quiet || newestAckedNanos - oldest.startedNanos >= patienceNanos);
  }

  /** It is taken up again: how late it was while it was down tells nothing of how prompt it is. */
  void closed() {
    shown.ackLatencyNanos = 0;
    latencyNanos = -1;
  }

  /** The back-off is over, or there is a sign of life: one record may try. */
  void probe() {
    quiet = false;
  }

  /** Its client is made anew, and has to log in again. */
  void rebuilt(long now) {
    rebuiltNanos = now;
    proven = false;
    quiet = false;
  }

  /**
   * Remembers what went wrong, unless it says less than what is known already.
   *
   * @param vague whether it tells that there is no answer, not why
   */
  void note(String reason, boolean vague) {
    if (!vague || !concrete) {
      trouble = reason;
      concrete = !vague;
    }
  }

  /** It acknowledged or refused something. */
  void answered(long now) {
    lastAnswerNanos = now;
    proven = true;
    quiet = false;
    concrete = false;
  }

  void started(Attempt attempt) {
    watch.add(attempt);
    outstanding++;
    shown.inFlight = outstanding;
    breaker.started();
  }

  /** The oldest watched attempt has become overdue. */
  void becameOverdue(Attempt attempt) {
    watch.remove(attempt);
    stats.hedged++;
  }

  void ended(Attempt attempt, long now) {
    watch.remove(attempt);
    outstanding--;
    shown.inFlight = outstanding;
    if (attempt.error == null) {
      latencyNanos = now - attempt.startedNanos;
      answered(now);
      newestAckedNanos = attempt.startedNanos;
      stats.acknowledged++;
    } else {
      stats.failed++;
    }
  }

  /** Why it is not used, or what went wrong last, be that over or not. */
  String trouble() {
    return twin == null ? trouble : twin;
  }

  /** Whether nothing is known to be wrong with it now. */
  boolean isInUse() {
    return works() && proven && !concrete;
  }

  /** One clause for people. */
  String describe() {
    // What was wrong before it answered would be taken for what is wrong now.
    return isInUse() ? name + ": in use" : describeTrouble();
  }

  /** The same, with what went wrong last also where that is over. */
  String describeTrouble() {
    if (active && twin != null) {
      return name + ": not used, since " + twin;
    }
    String health = ready ? "breaker " + breaker.state() : "not ready";
    String wanted = active ? "" : ", no longer written to";
    return name + ": " + health + wanted + ", last trouble: " + trouble;
  }

  static String describe(Throwable error) {
    String message = error.getMessage();
    Throwable cause = error.getCause();
    String text = error.getClass().getSimpleName() + (message == null ? "" : ": " + message);
    return cause == null || cause == error ? text : text + " (" + describeShort(cause) + ")";
  }

  private static String describeShort(@Nullable Throwable cause) {
    return cause == null ? "" : cause.getClass().getSimpleName() + ": " + cause.getMessage();
  }
}
