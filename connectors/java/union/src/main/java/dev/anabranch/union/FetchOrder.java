package dev.anabranch.union;

import java.util.Set;

/**
 * Tells a fetcher to read a log.
 *
 * @param formerTopicIds ids of the topics that had this one's name before it
 * @param attempt grows with each order for the same split; batches of older attempts are dropped
 * @param end where the fetcher writes down how long the log is
 */
record FetchOrder(
    LogId log,
    String topic,
    Set<String> formerTopicIds,
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
