package dev.anabranch.dedup;

import java.time.Duration;

/** Create times as they are stored: whole minutes, because expiry need not be sharper. */
final class Minutes {
  private static final long MS = Duration.ofMinutes(1).toMillis();

  private Minutes() {}

  /** The minute that a Unix time in milliseconds lies in; times before 1970 count as its start. */
  static long of(long timestampMs) {
    return Math.max(0, timestampMs) / MS;
  }

  /** The first millisecond after a minute. */
  static long end(long minute) {
    return (minute + 1) * MS;
  }
}
