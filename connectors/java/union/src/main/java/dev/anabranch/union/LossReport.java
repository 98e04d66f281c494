package dev.anabranch.union;

import dev.anabranch.records.Origin;
import dev.anabranch.records.RecordId;
import java.io.Serializable;

/**
 * Records that can no longer be read, reported once per range.
 *
 * @param kind how they were lost
 * @param origin the log
 * @param fromOffset the first lost offset
 * @param toOffset the first offset behind the gap, or {@link #UNKNOWN} where the log itself is gone
 * @param leaderEpoch leader epoch of the record that was read last before it, or {@link
 *     UnionSplit#NO_EPOCH}: a log that is cut again and again may lose the same range twice
 * @param detail one sentence for a person
 */
public record LossReport(
    Kind kind, Origin origin, long fromOffset, long toOffset, int leaderEpoch, String detail)
    implements Serializable {
  /** Nobody can tell any more where the lost log ended. */
  public static final long UNKNOWN = -1;

  /** How records were lost. */
  public enum Kind {
    /** Retention (or a delete-records request) removed them before they were read. */
    DELETED,
    /** The log ends before the offset that was read last: it was truncated. */
    TRUNCATED,
    /** The topic was deleted and created again. */
    TOPIC_REPLACED,
    /** The primary came back as another Kafka cluster. */
    CLUSTER_REPLACED
  }

  /** An id for what is written down about this loss: the same, however often it is reported. */
  public RecordId id() {
    String scope =
        "loss/%s/%s/%s/%d/%d/%d"
            .formatted(
                kind,
                origin.clusterId(),
                origin.topicId(),
                origin.partition(),
                toOffset,
                leaderEpoch);
    return RecordId.supplied(scope, fromOffset);
  }

  @Override
  public String toString() {
    String range = fromOffset + ".." + (toOffset == UNKNOWN ? "its end" : toOffset - 1);
    return kind + ": " + origin + " lost offsets " + range + ": " + detail;
  }
}
