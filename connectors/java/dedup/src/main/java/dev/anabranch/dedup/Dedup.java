package dev.anabranch.dedup;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import dev.anabranch.records.RecordHeaders;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.util.OutputTag;

/**
 * Exact de-duplication by record id: of the records of one id, which come from retries, hedges and
 * copies, the first passes and the others are counted and dropped.
 *
 * <p>A record whose create time lies more than the horizon behind the newest one goes to {@link
 * #LATE}: whether it is a duplicate can no longer be told, so it is neither counted nor dropped.
 *
 * <p>Metrics of the operator: {@code duplicates}, {@code late}, {@code foreign} (records without an
 * id of their own, of which duplicates made upstream cannot be recognised), {@code cachedBlocks}.
 */
public final class Dedup {
  /** Side output of the records beyond the horizon. */
  public static final OutputTag<RawRecord> LATE =
      new OutputTag<>("late", RawRecordTypeInfo.INSTANCE);

  /** Header of a late record that stays in the stream; see {@link #markingLate}. */
  public static final String LATE_HEADER = RecordHeaders.LATE;

  private Dedup() {}

  /**
   * De-duplicates one logical stream.
   *
   * <p>The state belongs to the operator's uid, which the caller sets: keep it while the stream
   * stays the same.
   *
   * @param records all records of the stream, from all primaries
   * @param stream name of the stream, for the operator's name
   */
  public static SingleOutputStreamOperator<RawRecord> by(
      DataStream<RawRecord> records, String stream, DedupOptions options) {
    return by(records, stream, new DedupOperator(options));
  }

  /**
   * The same, but a late record stays in the stream, with the header {@link #LATE_HEADER}: for an
   * operator behind it that tells them apart. A side output would have to be joined to the stream
   * again, and two inputs are never chained.
   */
  public static SingleOutputStreamOperator<RawRecord> markingLate(
      DataStream<RawRecord> records, String stream, DedupOptions options) {
    return by(records, stream, new DedupOperator(options, true));
  }

  private static SingleOutputStreamOperator<RawRecord> by(
      DataStream<RawRecord> records, String stream, DedupOperator operator) {
    return records
        .keyBy(new BlockOfRecord(), StateKeyTypeInfo.INSTANCE)
        .transform("dedup " + stream, RawRecordTypeInfo.INSTANCE, operator);
  }

  /** Spreads the records over the subtasks by block. */
  private static final class BlockOfRecord implements KeySelector<RawRecord, StateKey> {
    private static final long serialVersionUID = 1L;

    @Override
    public StateKey getKey(RawRecord record) {
      return BlockLayout.keyOf(record.id());
    }
  }
}
