package dev.anabranch.dedup;

/**
 * A key of 128 bits. In dedup it names a block: 10 bytes of incarnation, then the block's number;
 * in latest-by-version it is the hash of a Kafka key.
 *
 * <p>{@link #hashCode} decides which key group owns the key, and with it where a restored job looks
 * for its state. It is part of the state's format: never change it.
 *
 * @param high the first 8 bytes
 * @param low 2 bytes, then a number of 48 bits that is written as short as it is
 */
record StateKey(long high, long low) {
  @Override
  public int hashCode() {
    long mixed = (high ^ Long.rotateLeft(low, 32)) * 0x9E37_79B9_7F4A_7C15L;
    return (int) (mixed >>> 32);
  }
}
