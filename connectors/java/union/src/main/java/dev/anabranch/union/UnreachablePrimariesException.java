package dev.anabranch.union;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** A bounded job waited in vain for primaries that it has to read to their end. */
public final class UnreachablePrimariesException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  UnreachablePrimariesException(
      String stream, Set<String> missing, Duration waited, Map<String, String> reasons) {
    super(
        "bounded read of stream %s: not read to their end within %d s: %s. Bring them back, raise the deadline, or mark them removed in the topology."
            .formatted(stream, waited.toSeconds(), named(missing, reasons)));
  }

  private static String named(Set<String> missing, Map<String, String> reasons) {
    return missing.stream()
        .map(name -> "primary " + name + " (" + reasons.getOrDefault(name, "no answer yet") + ")")
        .collect(Collectors.joining(", "));
  }
}
