package dev.anabranch.dedup;

import dev.anabranch.records.RecordVersion;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What the state knows of a key: 12 bytes of version, and for a deleted key 8 bytes more.
 *
 * @param version the highest that passed
 * @param deletedMinute for a deleted key the minute that it must be remembered beyond, else null
 */
record LatestVersion(RecordVersion version, @Nullable Long deletedMinute) {
  byte[] toBytes() {
    if (deletedMinute == null) {
      return version.toBytes();
    }
    return ByteBuffer.allocate(RecordVersion.BYTES + Long.BYTES)
        .put(version.toBytes())
        .putLong(deletedMinute)
        .array();
  }

  static LatestVersion fromBytes(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    RecordVersion version = new RecordVersion(buffer.getInt(), buffer.getLong());
    return new LatestVersion(version, buffer.hasRemaining() ? buffer.getLong() : null);
  }
}
