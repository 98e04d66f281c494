package dev.anabranch.prism;

import org.jspecify.annotations.Nullable;

/** A record that no primary will ever take: too large, not serialisable, without its key or id. */
public final class RecordException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  public RecordException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  /** Why, in one word. */
  public Reason reason() {
    return reason;
  }

  /** Kinds of record errors. */
  public enum Reason {
    /** The serializer threw. */
    NOT_SERIALIZABLE,
    /** Larger than the producer or a broker allows. */
    TOO_LARGE,
    /** A broker refuses it for what it is, for example a bad timestamp. */
    REFUSED,
    /** An upsert without key, or a record without the id that the sink needs. */
    INCOMPLETE
  }
}
