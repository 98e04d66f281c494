package dev.anabranch.union;

import java.util.concurrent.ExecutionException;
import org.apache.kafka.common.KafkaException;

/** Turns exceptions into one line for a person. */
final class Reasons {
  private Reasons() {}

  static String of(Throwable thrown) {
    Throwable cause =
        thrown instanceof ExecutionException && thrown.getCause() != null
            ? thrown.getCause()
            : thrown;
    if (cause instanceof KafkaException && cause.getClass() == KafkaException.class) {
      // "Failed to construct" and the like: what kept it from that lies below.
      cause = lastCause(cause);
    }
    String message = cause.getMessage();
    String name = cause.getClass().getSimpleName();
    return message == null ? name : name + ": " + message.lines().findFirst().orElse("");
  }

  private static Throwable lastCause(Throwable thrown) {
    Throwable last = thrown;
    while (last.getCause() != null && last.getCause() != last) {
      last = last.getCause();
    }
    return last;
  }
}
