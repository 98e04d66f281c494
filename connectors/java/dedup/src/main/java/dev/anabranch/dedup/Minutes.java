package dev.anabranch.dedup;

import java.time.Duration;

/** Create times as they are stored: whole minutes, because expiry need not be sharper. */
final class Minutes {
  private static final long MS = Duration.ofMinutes(1).toMillis();

  /** The last minute whose end is a number; whatever claims to be later counts as that. */
  private static final long LAST = Long.MAX_VALUE / MS - 1;

  private Minutes() {}

  /** The minute that a Unix time in milliseconds lies in; times before 1970 count as its start. */
  static long of(long timestampMs) {
    return Math.min(Math.max(0, timestampMs) / MS, LAST);
  }

  /** The first millisecond after a minute. */
  static long end(long minute) {
    return (minute + 1) * MS;
  }
}
