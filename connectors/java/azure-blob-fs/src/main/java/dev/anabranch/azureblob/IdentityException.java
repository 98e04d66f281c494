package dev.anabranch.azureblob;

import java.io.IOException;

/** What is wrong with the identity's environment: a sentence that names the variable. */
final class IdentityException extends IOException {
  private static final long serialVersionUID = 1;

  IdentityException(String sentence) {
    super(sentence);
  }
}
