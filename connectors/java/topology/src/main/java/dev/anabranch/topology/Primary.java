package dev.anabranch.topology;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One Kafka cluster of a group.
 *
 * @param bootstrap {@code host:port} each
 * @param state what is wanted of it; absent means active
 * @param auth how clients prove who they are; absent means none, over plain text
 * @param idempotence whether its producers are idempotent; absent means true
 */
public record Primary(
    @JsonProperty(required = true) List<String> bootstrap,
    @Nullable WantedState state,
    @Nullable Auth auth,
    @Nullable Boolean idempotence)
    implements Serializable {
  public Primary {
    bootstrap = Collections.unmodifiableList(new ArrayList<>(bootstrap));
    state = state == null ? WantedState.ACTIVE : state;
    auth = auth == null ? new Auth.None() : auth;
    idempotence = idempotence == null || idempotence;
  }

  /** One whose producers are idempotent. */
  public Primary(List<String> bootstrap, @Nullable WantedState state, @Nullable Auth auth) {
    this(bootstrap, state, auth, null);
  }

  /** What is wanted of it; never null. */
  @Override
  public WantedState state() {
    return Objects.requireNonNull(state);
  }

  /** How clients prove who they are; never null. */
  @Override
  public Auth auth() {
    return Objects.requireNonNull(auth);
  }

  /** Whether its producers are idempotent; never null. */
  @Override
  public Boolean idempotence() {
    return Objects.requireNonNull(idempotence);
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
