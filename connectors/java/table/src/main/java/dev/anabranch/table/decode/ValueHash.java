package dev.anabranch.table.decode;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.Sha256;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The content hash that proofs sum up: the first 8 bytes, big-endian and signed, of the SHA-256 of
 * the value. Not for use by several threads, because it keeps its digest.
 */
final class ValueHash implements Function<RawRecord, @Nullable Object> {
  private static final byte[] NO_BYTES = {};

  private final MessageDigest digest = Sha256.digest();

  @Override
  public Object apply(RawRecord record) {
    byte[] value = record.value();
    return ByteBuffer.wrap(digest.digest(value == null ? NO_BYTES : value)).getLong();
  }
}
