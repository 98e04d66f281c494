package dev.anabranch.topology;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.Serializable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One Kafka cluster of a group.
 *
 * @param bootstrap {@code host:port} each
 * @param state what is wanted of it; absent means active
 * @param auth how clients prove who they are; absent means none, over plain text
 */
public record Primary(
    @JsonProperty(required = true) List<String> bootstrap,
    @Nullable WantedState state,
    @Nullable Auth auth)
    implements Serializable {
  public Primary {
    state = state == null ? WantedState.ACTIVE : state;
  }

  /** What an operator wants of a primary. */
  public enum WantedState {
    /** Written to and read. */
    @JsonProperty("active")
    ACTIVE,
    /** Read, but no longer written to. */
    @JsonProperty("draining")
    DRAINING,
    /** Neither; the entry stays as a tombstone. */
    @JsonProperty("removed")
    REMOVED
  }
}
