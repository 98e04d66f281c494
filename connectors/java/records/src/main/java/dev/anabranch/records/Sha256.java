package dev.anabranch.records;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** The hash that ids, state keys and proofs are made of. */
public final class Sha256 {
  private Sha256() {}

  /** The 32 bytes of one content. */
  public static byte[] of(byte[] content) {
    return digest().digest(content);
  }

  /** For contents in parts, or one after the other; not for use by several threads. */
  public static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
