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
  /** The topic was deleted and created again. */
  TOPIC_REPLACED,
  /** The offset lies outside the log. */
  OUT_OF_RANGE,
  /** A bounded split has been read to its end. */
  DONE
}
