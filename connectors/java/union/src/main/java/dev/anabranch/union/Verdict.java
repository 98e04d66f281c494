package dev.anabranch.union;

/** What a fetcher found about a log when it compared identities with its primary. */
enum Verdict {
  /** Not compared yet. */
  UNCHECKED,
  /** The log is the one that the split means. */
  READABLE,
  /** The primary is another Kafka cluster. */
  OTHER_CLUSTER,
  /** The topic is not there (any more, or yet). */
  NO_TOPIC,
  /** The topic is there, the partition is not. */
  NO_PARTITION,
  /** The broker that was asked has not heard yet of the topic, and shows one that it replaced. */
  FORMER_TOPIC,
  /**
   * The broker that was asked shows a topic that is not known to be older: this one was deleted and
   * created again, unless that broker has not heard of it yet. The enumerator's word decides.
   */
  TOPIC_REPLACED,
  /** The offset lies outside the log. */
  OUT_OF_RANGE,
  /** A bounded split has been read to its end. */
  DONE
}
