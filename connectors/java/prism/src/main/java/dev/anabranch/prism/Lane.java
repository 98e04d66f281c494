package dev.anabranch.prism;

import org.jspecify.annotations.Nullable;

/** One primary as the core sees it. Touched by the engine's thread only, but for its figures. */
final class Lane {
  private final String name;
  private final long bit;
  private final Transport transport;
  final Breaker breaker = new Breaker();
  final WatchList watch = new WatchList();
  final LaneStats stats;

  /**
   * A connection, a log-in and a producer id come before the first acknowledgement of a new client;
   * on a busy machine they take longer than a hedge should wait.
   */
  private static final long FIRST_ANSWER_NANOS = 2_000_000_000L;

  boolean active = true;
  int weight = 1;

  /** Turn-taking: grows by the weight until it is this lane's turn. */
  long credit;

  /** When the transport's client was last made anew for being broken. */
  long rebuiltNanos;

  /** Full for the moment; cleared at each tick. */
  boolean busy;

  String lastError = "it has not answered yet";
  private boolean ready;
  private int outstanding;
  private int overdue;
  private boolean proven;

  // When the latest-started of the attempts that ended so had been started.
  private long newestAckedNanos;
  private long newestOverdueNanos;

  Lane(String name, int index, Transport transport, LaneStats stats, long now) {
    this.name = name;
    this.bit = 1L << index;
    this.transport = transport;
    this.stats = stats;
    this.newestAckedNanos = now - 1;
    this.newestOverdueNanos = now - 1;
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

  void setReady(boolean ready) {
    this.ready = ready;
    stats.ready = ready;
  }

  /** Whether an attempt may start now. */
  boolean admits(long now) {
    return active && ready && !busy && breaker.admits(now);
  }

  /** Whether it is known to answer in time: a hedge onto another slow primary only adds load. */
  boolean isPrompt(long hedgeAfterNanos) {
    return breaker.state() == Breaker.State.CLOSED
        && stats.ackLatencyNanos < hedgeAfterNanos
        && !isSilent();
  }

  /** How long an attempt may stay unanswered. */
  long patience(long hedgeAfterNanos) {
    return proven ? hedgeAfterNanos : Math.max(hedgeAfterNanos, FIRST_ANSWER_NANOS);
  }

  /** Whether of what was started lately nothing was answered in time. */
  boolean isSilent() {
    return overdue > 0 && newestOverdueNanos - newestAckedNanos >= 0;
  }

  void started(Attempt attempt) {
    watch.add(attempt);
    outstanding++;
    stats.inFlight = outstanding;
    breaker.started();
  }

  /** The oldest watched attempt has become overdue. */
  void becameOverdue(Attempt attempt) {
    watch.remove(attempt);
    overdue++;
    newestOverdueNanos = Math.max(newestOverdueNanos, attempt.startedNanos);
    stats.hedged++;
  }

  void ended(Attempt attempt, long now) {
    if (attempt.watched) {
      watch.remove(attempt);
    } else {
      overdue--;
    }
    outstanding--;
    stats.inFlight = outstanding;
    if (attempt.error == null) {
      long latency = now - attempt.startedNanos;
      proven = true;
      newestAckedNanos = Math.max(newestAckedNanos, attempt.startedNanos);
      stats.acknowledged++;
      stats.ackLatencyNanos += (latency - stats.ackLatencyNanos) / 16;
    } else {
      stats.failed++;
      lastError = describe(attempt.error);
    }
  }

  /** One clause for people. */
  String describe() {
    String health = ready ? "breaker " + breaker.state() : "not ready";
    String wanted = active ? "" : ", no longer written to";
    return name + ": " + health + wanted + ", last trouble: " + lastError;
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
