package dev.anabranch.table.decode;

import dev.anabranch.table.deadletter.Reason;
import org.jspecify.annotations.Nullable;

/**
 * One record cannot become a row. Carries no stack trace: it is an outcome that is expected, and
 * may come by the thousand.
 */
final class UndecodableException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Enough for a person; a parser's message may quote the whole record. */
  private static final int MAX_DETAIL_CHARS = 300;

  private final Reason reason;

  UndecodableException(Reason reason, String detail) {
    this(reason, detail, null);
  }

  UndecodableException(Reason reason, String detail, @Nullable Throwable cause) {
    super(oneLine(detail), cause, false, false);
    this.reason = reason;
  }

  /** Wraps what a format's decoder threw; its innermost message says most. */
  static UndecodableException byFormat(Throwable thrown) {
    Throwable root = thrown;
    while (root.getCause() != null && root.getCause() != root) {
      root = root.getCause();
    }
    String message = root.getMessage();
    String detail = root.getClass().getSimpleName() + (message == null ? "" : ": " + message);
    return new UndecodableException(Reason.NOT_DECODABLE, detail, thrown);
  }

  Reason reason() {
    return reason;
  }

  /** One line for a person. */
  String detail() {
    String message = getMessage();
    return message == null ? reason.text() : message;
  }

  private static String oneLine(String text) {
    String line = text.replaceAll("\\s+", " ").strip();
    return line.length() <= MAX_DETAIL_CHARS ? line : line.substring(0, MAX_DETAIL_CHARS) + "…";
  }
}
