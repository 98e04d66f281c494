package dev.anabranch.dedup;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import dev.anabranch.records.Sha256;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.jspecify.annotations.Nullable;

/**
 * Reads upserts from several primaries as one changelog: of the records of one Kafka key only those
 * pass that are newer, by version, than all that passed before. Older ones and repetitions are
 * dropped; they are no loss, because a newer value of their key has passed.
 *
 * <ul>
 *   <li>A record without a version counts as one of epoch 0 at its create time; of several in the
 *       same millisecond all pass, since none is known to be the older.
 *   <li>A delete passes like any other record. Its version is remembered for one horizon from when
 *       it was read, so that an older value from another primary cannot bring the key back.
 *   <li>A record without a key is no upsert: it passes.
 * </ul>
 *
 * Metrics of the operator: {@code superseded} (dropped), {@code unkeyed}.
 */
public final class LatestByVersion {
  private LatestByVersion() {}

  /** As {@link #by(DataStream, DedupOptions)}, with the default horizon. */
  public static SingleOutputStreamOperator<RawRecord> by(DataStream<RawRecord> records) {
    return by(records, DedupOptions.defaults());
  }

  /**
   * Passes the latest record of each key.
   *
   * @param records all records of the stream, from all primaries
   * @param options the horizon counts for deletes; nothing is cached
   */
  public static SingleOutputStreamOperator<RawRecord> by(
      DataStream<RawRecord> records, DedupOptions options) {
    return records
        .keyBy(new HashOfKey(), StateKeyTypeInfo.INSTANCE)
        .transform(
            "latest by version",
            RawRecordTypeInfo.INSTANCE,
            new LatestByVersionOperator(options.horizon().toMillis()));
  }

  /**
   * The first 128 bits of a Kafka key's SHA-256: keys of any length take little room, and that two
   * keys meet is out of the question. Records without a key are spread by their id.
   */
  static final class HashOfKey implements KeySelector<RawRecord, StateKey> {
    private static final long serialVersionUID = 1L;

    private transient @Nullable MessageDigest digest;

    @Override
    public StateKey getKey(RawRecord record) {
      byte[] key = record.key();
      if (key == null) {
        return BlockLayout.keyOf(record.id());
      }
      MessageDigest sha256 = digest;
      if (sha256 == null) {
        sha256 = Sha256.digest();
        digest = sha256;
      }
      ByteBuffer hash = ByteBuffer.wrap(sha256.digest(key));
      return new StateKey(hash.getLong(), hash.getLong());
    }
  }
}
