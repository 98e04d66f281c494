package dev.anabranch.prism;

import org.jspecify.annotations.Nullable;

/** All sends that are accepted and not ended, oldest duty first, with their number and bytes. */
final class InFlight {
  private @Nullable Send oldest;
  private @Nullable Send newest;
  private int count;
  private long bytes;

  int count() {
    return count;
  }

  long bytes() {
    return bytes;
  }

  @Nullable Send oldest() {
    return oldest;
  }

  void add(Send send) {
    send.older = newest;
    if (newest == null) {
      oldest = send;
    } else {
      newest.newer = send;
    }
    newest = send;
    count++;
    bytes += send.record.size();
  }

  void remove(Send send) {
    Send before = send.older;
    Send after = send.newer;
    if (before == null) {
      oldest = after;
    } else {
      before.newer = after;
    }
    if (after == null) {
      newest = before;
    } else {
      after.older = before;
    }
    send.older = null;
    send.newer = null;
    count--;
    bytes -= send.record.size();
  }

  /** Puts {@code by} in the place of {@code send}, whose duty it takes over. */
  void replace(Send send, Send by) {
    by.acceptedNanos = send.acceptedNanos;
    by.older = send.older;
    by.newer = send.newer;
    if (by.older == null) {
      oldest = by;
    } else {
      by.older.newer = by;
    }
    if (by.newer == null) {
      newest = by;
    } else {
      by.newer.older = by;
    }
    send.older = null;
    send.newer = null;
    bytes += by.record.size() - send.record.size();
  }
}
