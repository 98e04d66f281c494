package dev.anabranch.union;

/** The end of a log as its fetcher saw it last. Written by the fetcher, read by metrics. */
final class LogEnd {
  /** Not known yet. */
  static final long UNKNOWN = -1;

  private volatile long offset = UNKNOWN;

  long offset() {
    return offset;
  }

  void set(long endOffset) {
    offset = endOffset;
  }
}
