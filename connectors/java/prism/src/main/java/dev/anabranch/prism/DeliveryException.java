package dev.anabranch.prism;

import org.jspecify.annotations.Nullable;

/**
 * A record could not be delivered within {@code max_block}. It may nevertheless be in some
 * primary's log: sent again, it must have the same id. The message names each primary's state.
 */
public final class DeliveryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DeliveryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
