package dev.anabranch.restore;

import java.io.IOException;

/** State that is kept in a way which can be read but not copied. */
final class UnsupportedStateException extends IOException {
  private static final long serialVersionUID = 1;

  UnsupportedStateException(String sentence) {
    super(sentence);
  }
}
