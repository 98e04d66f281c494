package dev.anabranch.restore;

/** What is said of an exception: the first of its causes that says something. */
final class Sentences {
  private Sentences() {}

  static String of(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      String message = cause.getMessage();
      if (message != null && !message.isBlank()) {
        return message.lines().findFirst().orElse(message);
      }
    }
    return error.getClass().getSimpleName();
  }
}
