package dev.anabranch.union;

/**
 * Tells a fetcher to read a log.
 *
 * @param attempt grows with each order for the same split; batches of older attempts are dropped
 * @param end where the fetcher writes down how long the log is
 */
record FetchOrder(
    LogId log,
    String topic,
    long nextOffset,
    int leaderEpoch,
    long stopOffset,
    int attempt,
    boolean paused,
    LogEnd end) {
  String splitId() {
    return log.splitId();
  }
}
