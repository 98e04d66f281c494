package dev.anabranch.union;

import java.time.Duration;
import java.util.Collection;
import java.util.Map;

/** A bounded job waited in vain for primaries that it has to read to their end. */
public final class UnreachablePrimariesException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnreachablePrimariesException(
      String stream, Collection<String> missing, Duration waited, Map<String, String> reasons) {
    super(
        "bounded read of stream "
            + stream
            + ": not read to their end within "
            + waited.toSeconds()
            + " s: "
            + String.join(", ", missing)
            + " "
            + reasons
            + ". Bring them back, raise the deadline, or mark them removed in the topology.");
  }
}
