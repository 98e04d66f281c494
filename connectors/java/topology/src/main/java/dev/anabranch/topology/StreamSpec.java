package dev.anabranch.topology;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.Serializable;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One logical topic of a group.
 *
 * @param topic name of the topic on every primary; null means the stream's own name, see {@link
 *     #topicOr}; within a {@link Group} it is never null
 * @param partitions per primary
 * @param copies on how many primaries a record must be acknowledged before its send is done
 * @param retentionS how long brokers keep records, seconds; absent means not known
 * @param outageBudgetS how long a primary may be away, as its operators see it, seconds; nothing
 *     reads it yet
 */
public record StreamSpec(
    @Nullable String topic,
    @JsonProperty(required = true) int partitions,
    @Nullable Integer copies,
    @JsonProperty("retention_s") @Nullable Long retentionS,
    @JsonProperty("outage_budget_s") @Nullable Long outageBudgetS)
    implements Serializable {
  public StreamSpec {
    copies = copies == null ? 1 : copies;
  }

  /** On how many primaries a record must be acknowledged; never null. */
  @Override
  public Integer copies() {
    return Objects.requireNonNull(copies);
  }

  StreamSpec withTopic(String stream) {
    return topic != null
        ? this
        : new StreamSpec(stream, partitions, copies, retentionS, outageBudgetS);
  }

  /** The topic of the stream of that name. */
  public String topicOr(String stream) {
    return topic == null ? stream : topic;
  }
}
