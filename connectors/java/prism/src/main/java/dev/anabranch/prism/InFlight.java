package dev.anabranch.prism;

import org.jspecify.annotations.Nullable;

/** All sends that are accepted and not ended, oldest first, with their number and bytes. */
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
    bytes += send.bytes;
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
    bytes -= send.bytes;
  }
}
