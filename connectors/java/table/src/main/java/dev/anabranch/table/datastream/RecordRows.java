package dev.anabranch.table.datastream;

import dev.anabranch.records.RawRecord;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.types.Row;

/** Raw records as rows of plain types, which Python can read. */
public final class RecordRows {
  private static final TypeInformation<byte[]> BYTES =
      PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;

  private RecordRows() {}

  /**
   * Rows of {@code value, key, record_id, timestamp_ms, primary, topic, partition, offset, delete};
   * value and key may be null.
   */
  public static SingleOutputStreamOperator<Row> of(DataStream<RawRecord> records) {
    return records.map(new ToRow()).returns(type()).name("rows of records");
  }

  private static TypeInformation<Row> type() {
    return Types.ROW_NAMED(
        new String[] {
          "value",
          "key",
          "record_id",
          "timestamp_ms",
          "primary",
          "topic",
          "partition",
          "offset",
          "delete"
        },
        BYTES,
        BYTES,
        BYTES,
        Types.LONG,
        Types.STRING,
        Types.STRING,
        Types.INT,
        Types.LONG,
        Types.BOOLEAN);
  }

  private static final class ToRow implements MapFunction<RawRecord, Row> {
    private static final long serialVersionUID = 1L;

    @Override
    public Row map(RawRecord record) {
      return Row.of(
          record.value(),
          record.key(),
          record.id().toBytes(),
          record.timestampMs(),
          record.origin().primary(),
          record.origin().topic(),
          record.origin().partition(),
          record.offset(),
          record.isDelete());
    }
  }
}
