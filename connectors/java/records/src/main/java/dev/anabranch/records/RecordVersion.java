package dev.anabranch.records;

import java.nio.ByteBuffer;

/**
 * The version of an upsert: 4 bytes of epoch followed by 8 bytes of hybrid logical clock, both
 * big-endian and compared unsigned. Of two records of one key the higher version is the truth.
 *
 * @param epoch the term of the job's authority record; 0 where there is none
 * @param clock 48 bits of Unix time in milliseconds, then a 16-bit counter
 */
public record RecordVersion(int epoch, long clock) implements Comparable<RecordVersion> {
  /** Length of an encoded version. */
  public static final int BYTES = 12;

  /** Decodes 12 bytes; throws {@link IllegalArgumentException} on any other length. */
  public static RecordVersion fromBytes(byte[] bytes) {
    if (bytes.length != BYTES) {
      throw new IllegalArgumentException("a version has 12 bytes, not " + bytes.length);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new RecordVersion(buffer.getInt(), buffer.getLong());
  }

  /** The 12 bytes that go into the header {@link RecordHeaders#VERSION}. */
  public byte[] toBytes() {
    return ByteBuffer.allocate(BYTES).putInt(epoch).putLong(clock).array();
  }

  @Override
  public int compareTo(RecordVersion other) {
    int byEpoch = Integer.compareUnsigned(epoch, other.epoch);
    return byEpoch != 0 ? byEpoch : Long.compareUnsigned(clock, other.clock);
  }
}
