package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How the sending of one record ended.
 *
 * @param id the id under which every attempt was made
 * @param acks the copies that were acknowledged by then
 * @param copies how many were wanted
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
    int copies,
    int attempts,
    boolean ambiguous,
    boolean superseded,
    @Nullable RuntimeException error) {

  /** Whether it is done with fewer copies than wanted; see {@link PrismOptions#degradeAfter}. */
  public boolean degraded() {
    return error == null && !superseded && acks.size() < copies;
  }

  /** Where the copies lie, of how many: "1 of 2 copies written, to a". */
  public String describeCopies() {
    String where = acks.stream().map(Ack::primary).collect(Collectors.joining(" and "));
    return "%d of %d copies written%s"
        .formatted(acks.size(), copies, where.isEmpty() ? "" : ", to " + where);
  }

  /** Is told once how a send ended, on the engine's thread. */
  @FunctionalInterface
  public interface Listener {
    void onDone(Delivery delivery);
  }
}
