package dev.anabranch.prism;

/**
 * Figures of one primary. Written by the engine's thread and read by metric reporters, which may
 * see them a moment late.
 */
public final class LaneStats {
  volatile long acknowledged;
  volatile long failed;
  volatile long hedged;
  volatile int inFlight;
  volatile int breaker;
  volatile boolean ready;
  volatile long ackLatencyNanos;

  LaneStats() {}

  /** Attempts that this primary acknowledged. */
  public long acknowledged() {
    return acknowledged;
  }

  /** Attempts that failed on this primary. */
  public long failed() {
    return failed;
  }

  /** Attempts that this primary left unanswered beyond {@code hedge_after}. */
  public long hedged() {
    return hedged;
  }

  /** Attempts under way. */
  public int inFlight() {
    return inFlight;
  }

  /** 0 closed, 1 half-open, 2 open. */
  public int breaker() {
    return breaker;
  }

  /** Whether it answers, has the topic, and is no other name of a cluster that is used. */
  public boolean ready() {
    return ready;
  }

  /** Smoothed time from send to acknowledgement, milliseconds. */
  public double ackLatencyMs() {
    return ackLatencyNanos / 1e6;
  }
}
