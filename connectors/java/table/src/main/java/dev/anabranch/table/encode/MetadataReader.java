package dev.anabranch.table.encode;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RowData;
import org.jspecify.annotations.Nullable;

/** Takes the metadata columns out of a row that is to be written; they follow the physical ones. */
public final class MetadataReader implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final int ABSENT = -1;
  private static final int MILLISECONDS = 3;

  private final int recordId;
  private final int ordinal;
  private final int timestamp;
  private final int headers;
  private final int key;

  /**
   * @param physicalArity number of physical columns
   * @param keys names of the metadata columns, in the order of the row
   */
  public MetadataReader(int physicalArity, List<String> keys) {
    this.recordId = position(physicalArity, keys, WritableMetadata.RECORD_ID);
    this.ordinal = position(physicalArity, keys, WritableMetadata.ORDINAL);
    this.timestamp = position(physicalArity, keys, WritableMetadata.TIMESTAMP);
    this.headers = position(physicalArity, keys, WritableMetadata.HEADERS);
    this.key = position(physicalArity, keys, WritableMetadata.KEY);
  }

  /** The id of the input; throws {@link IllegalArgumentException} where it has not 16 bytes. */
  @Nullable RecordId recordId(RowData row) {
    return absent(row, recordId) ? null : RecordId.fromBytes(row.getBinary(recordId));
  }

  int ordinal(RowData row) {
    return absent(row, ordinal) ? 0 : row.getInt(ordinal);
  }

  @Nullable Long timestampMs(RowData row) {
    return absent(row, timestamp)
        ? null
        : row.getTimestamp(timestamp, MILLISECONDS).getMillisecond();
  }

  byte @Nullable [] key(RowData row) {
    return absent(row, key) ? null : row.getBinary(key);
  }

  /** Without anabranch's own: those of an input tell of that, and are given anew. */
  RawHeader[] headers(RowData row) {
    if (absent(row, headers)) {
      return RawHeader.NONE;
    }
    MapData map = row.getMap(headers);
    ArrayData names = map.keyArray();
    ArrayData values = map.valueArray();
    List<RawHeader> result = new ArrayList<>(map.size());
    for (int i = 0; i < map.size(); i++) {
      String name = new String(names.getString(i).toBytes(), UTF_8);
      if (!RecordHeaders.isOurs(name)) {
        result.add(new RawHeader(name, values.isNullAt(i) ? null : values.getBinary(i)));
      }
    }
    return result.toArray(RawHeader[]::new);
  }

  private static boolean absent(RowData row, int position) {
    return position == ABSENT || row.isNullAt(position);
  }

  private static int position(int physicalArity, List<String> keys, WritableMetadata column) {
    int index = keys.indexOf(column.key());
    return index < 0 ? ABSENT : physicalArity + index;
  }
}
