package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the sending of one record ended.
 *
 * @param id the id under which every attempt was made
 * @param acks the copies that were acknowledged by then
 * @param attempts sends to any primary, hedges and retries included
 * @param ambiguous whether some attempt may have left a further copy: it failed or was unanswered
 *     when the send was done
 * @param superseded whether a newer version of the same key ended first, for both; how, is told of
 *     the newer one
 * @param error null where the send is done
 */
public record Delivery(
    RecordId id,
    List<Ack> acks,
    int attempts,
    boolean ambiguous,
    boolean superseded,
    @Nullable RuntimeException error) {

  /** Is told once how a send ended, on the engine's thread. */
  @FunctionalInterface
  public interface Listener {
    void onDone(Delivery delivery);
  }
}
