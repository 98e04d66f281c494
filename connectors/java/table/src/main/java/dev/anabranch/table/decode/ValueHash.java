package dev.anabranch.table.decode;

import dev.anabranch.records.RawRecord;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The content hash that proofs sum up: the first 8 bytes, big-endian and signed, of the SHA-256 of
 * the value. Not for use by several threads, because it keeps its digest.
 */
final class ValueHash implements Function<RawRecord, @Nullable Object> {
  private static final byte[] NO_BYTES = {};

  private final MessageDigest digest;

  ValueHash() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  @Override
  public Object apply(RawRecord record) {
    byte[] value = record.value();
    return ByteBuffer.wrap(digest.digest(value == null ? NO_BYTES : value)).getLong();
  }
}
