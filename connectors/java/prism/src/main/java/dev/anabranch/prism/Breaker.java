package dev.anabranch.prism;

import java.util.concurrent.ThreadLocalRandom;

/**
 * Keeps a failing primary from being tried all the time. Closed: takes all. Open: takes nothing
 * until a back-off is over or there is a sign of life. Half-open: takes one record as a probe; its
 * acknowledgement closes the breaker, its failure or silence opens it for longer. The same as
 * breaker.py; {@code tests/unit/vectors/prism.json} holds both to it.
 */
final class Breaker {
  /** States; the number is what the metric shows. */
  enum State {
    CLOSED,
    HALF_OPEN,
    OPEN
  }

  /** One lost request is no outage: the producer has already retried by itself. */
  private static final int FAILURES_TO_OPEN = 3;

  /** A primary that failed is worth another look soon: a restart takes seconds. */
  private static final long FIRST_BACKOFF_NANOS = 1_000_000_000L;

  /** Bounds how many records pay a hedge's delay for probing one that stays away. */
  private static final long LAST_BACKOFF_NANOS = 8_000_000_000L;

  private State state = State.CLOSED;
  private int failures;
  private long backoffNanos = FIRST_BACKOFF_NANOS;
  private long retryAtNanos;
  private long changedNanos = Long.MIN_VALUE;
  private boolean probing;

  State state() {
    return state;
  }

  /** Whether an attempt may start now. */
  boolean admits() {
    return state == State.CLOSED || awaitsProbe();
  }

  /** Whether the one record that a half-open breaker lets through has not been sent yet. */
  boolean awaitsProbe() {
    return state == State.HALF_OPEN && !probing;
  }

  /** Goes over to half-open when the back-off is over; returns whether it has. */
  boolean cool(long now) {
    boolean due = state == State.OPEN && now - retryAtNanos >= 0;
    if (due) {
      halfOpen(now);
    }
    return due;
  }

  /** Whether an attempt that was started then is the probe. */
  boolean isProbe(long startedNanos) {
    return state == State.HALF_OPEN && startedNanos - changedNanos >= 0;
  }

  /** An attempt has started. */
  void started() {
    if (state == State.HALF_OPEN) {
      probing = true;
    }
  }

  /**
   * An attempt was answered: acknowledged, or refused for what the record is.
   *
   * @param startedNanos when it was started; a probe that is late has opened the breaker, if
   *     another primary works
   */
  void answered(long startedNanos, long now) {
    failures = 0;
    if (state == State.OPEN) {
      // Late, but fresher than any other sign: it answers again. That it is prompt, too, is for a
      // probe to show: else a slow one would get records again and again, each to be hedged.
      halfOpen(now);
    } else if (isProbe(startedNanos)) {
      close(now);
    }
  }

  /** An attempt ended before it reached the primary: if it was the probe, another one may be. */
  void unused(long startedNanos) {
    if (isProbe(startedNanos)) {
      probing = false;
    }
  }

  /** An attempt failed; one that was started before the last change tells nothing new. */
  void failed(long startedNanos, long now) {
    if (changedNanos != Long.MIN_VALUE && startedNanos - changedNanos < 0) {
      return;
    }
    if (state == State.HALF_OPEN) {
      open(now, backoffNanos * 2);
    } else if (state == State.CLOSED && ++failures >= FAILURES_TO_OPEN) {
      open(now, backoffNanos);
    }
  }

  /** The primary is known to be unusable: silent, out of reach, or its client broken. */
  void trip(long now) {
    if (state == State.HALF_OPEN) {
      open(now, backoffNanos * 2);
    } else if (state == State.CLOSED) {
      open(now, backoffNanos);
    }
  }

  /** There is a sign of life: the back-off is cut short. */
  void revive(long now) {
    if (state == State.OPEN) {
      halfOpen(now);
    }
  }

  private void close(long now) {
    state = State.CLOSED;
    changedNanos = now;
    backoffNanos = FIRST_BACKOFF_NANOS;
    probing = false;
  }

  private void halfOpen(long now) {
    state = State.HALF_OPEN;
    changedNanos = now;
    probing = false;
  }

  private void open(long now, long backoff) {
    state = State.OPEN;
    changedNanos = now;
    probing = false;
    failures = 0;
    backoffNanos = Math.min(backoff, LAST_BACKOFF_NANOS);
    // Up to a fifth sooner or later, so that the writers of a job do not probe all at once.
    long jitter = ThreadLocalRandom.current().nextLong(backoffNanos * 2 / 5);
    retryAtNanos = now + backoffNanos * 4 / 5 + jitter;
  }
}
