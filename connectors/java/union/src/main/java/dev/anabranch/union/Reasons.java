package dev.anabranch.union;

import java.util.concurrent.ExecutionException;

/** Turns exceptions into one line for a person. */
final class Reasons {
  private Reasons() {}

  static String of(Throwable thrown) {
    Throwable cause =
        thrown instanceof ExecutionException && thrown.getCause() != null
            ? thrown.getCause()
            : thrown;
    String message = cause.getMessage();
    String name = cause.getClass().getSimpleName();
    return message == null ? name : name + ": " + message.lines().findFirst().orElse("");
  }
}
