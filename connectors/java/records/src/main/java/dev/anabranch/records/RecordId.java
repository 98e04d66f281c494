package dev.anabranch.records;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;

/**
 * The identity of a record: 10 bytes of incarnation followed by 6 bytes of sequence, big-endian.
 *
 * <p>Kept as two longs, because ids are compared and hashed once a record: {@code high} holds the
 * first 8 bytes of the incarnation, {@code low} its last 2 bytes and the sequence.
 *
 * @param high bytes 0–7
 * @param low bytes 8–15
 */
public record RecordId(long high, long low) {
  /** Length of an encoded id. */
  public static final int BYTES = 16;

  /** Length of the incarnation in an encoded id. */
  public static final int INCARNATION_BYTES = 10;

  /** The greatest sequence, 2^48 - 1. */
  public static final long MAX_SEQUENCE = 0xFFFF_FFFF_FFFFL;

  /** Decodes 16 bytes; throws {@link IllegalArgumentException} on any other length. */
  public static RecordId fromBytes(byte[] bytes) {
    if (bytes.length != BYTES) {
      throw new IllegalArgumentException("a record id has 16 bytes, not " + bytes.length);
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new RecordId(buffer.getLong(), buffer.getLong());
  }

  /** An id of the given incarnation (at least 10 bytes, the first 10 count) and sequence. */
  public static RecordId of(byte[] incarnation, long sequence) {
    if (sequence < 0 || sequence > MAX_SEQUENCE) {
      throw new IllegalArgumentException("a sequence lies in 0..2^48-1, not " + sequence);
    }
    ByteBuffer buffer = ByteBuffer.wrap(incarnation);
    long high = buffer.getLong();
    return new RecordId(high, ((buffer.getShort() & 0xFFFFL) << 48) | sequence);
  }

  /** The id of position {@code sequence} in {@code scope}, stable over a producer's restart. */
  public static RecordId supplied(String scope, long sequence) {
    return of(Sha256.of(scope.getBytes(UTF_8)), sequence);
  }

  /**
   * The id of an output that a job derived from one input: the same again after a restore.
   *
   * @param ordinal position of this output among those of the same input, from 0
   */
  public static RecordId derived(RecordId input, String jobUid, String sinkUid, int ordinal) {
    byte[] job = jobUid.getBytes(UTF_8);
    byte[] sink = sinkUid.getBytes(UTF_8);
    ByteBuffer buffer = ByteBuffer.allocate(INCARNATION_BYTES + job.length + sink.length + 12);
    buffer.put(input.toBytes(), 0, INCARNATION_BYTES);
    buffer.putInt(job.length).put(job).putInt(sink.length).put(sink).putInt(ordinal);
    return of(Sha256.of(buffer.array()), input.sequence());
  }

  /** The id of a record that carries none: its place in one log of one Kafka cluster. */
  public static RecordId foreign(String clusterId, String topicId, int partition, long offset) {
    String place = "kafka\0" + clusterId + "\0" + topicId + "\0" + partition;
    return of(Sha256.of(place.getBytes(UTF_8)), offset & MAX_SEQUENCE);
  }

  /** The id under which a dead letter is replayed: it passes dedup, once per replay number. */
  public static RecordId replayed(RecordId original, int replay) {
    ByteBuffer buffer = ByteBuffer.allocate(INCARNATION_BYTES + 10);
    buffer.put(original.toBytes(), 0, INCARNATION_BYTES).put("replay".getBytes(UTF_8));
    buffer.putInt(replay);
    return of(Sha256.of(buffer.array()), original.sequence());
  }

  /** The lower 6 bytes. */
  public long sequence() {
    return low & MAX_SEQUENCE;
  }

  /** Bytes 8 and 9: what of the incarnation {@link #high()} does not hold. */
  public short incarnationLow() {
    return (short) (low >>> 48);
  }

  /** The 16 bytes that go into the header {@link RecordHeaders#ID}. */
  public byte[] toBytes() {
    return ByteBuffer.allocate(BYTES).putLong(high).putLong(low).array();
  }
}
