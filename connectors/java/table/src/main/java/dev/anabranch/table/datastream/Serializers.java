package dev.anabranch.table.datastream;

import dev.anabranch.prism.OutgoingRecord;
import dev.anabranch.prism.RecordSerializer;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import dev.anabranch.table.encode.RowSerializer;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.jspecify.annotations.Nullable;

/** What turns elements of a DataStream into records for Prism. */
public final class Serializers {
  private static final byte[] DELETED = {};

  private Serializers() {}

  /** Copies raw records; ids of appends can be derived from theirs. */
  public static RecordSerializer<RawRecord> ofRecords() {
    return new OfRecords();
  }

  /** Writes values alone, by a schema that needs no opening. */
  public static <T> RecordSerializer<T> ofValues(SerializationSchema<T> schema) {
    return element -> OutgoingRecord.of(schema.serialize(element));
  }

  /**
   * Writes rows whose fields are, by position, some of {@code value, key, record_id, ordinal,
   * timestamp_ms, delete}. To upserts, a row that takes back what was there is a delete of its key.
   *
   * @param upsert whether the sink upserts; otherwise a row that changes another one is refused
   * @param fields names of the row's fields
   */
  public static RecordSerializer<Row> ofRows(boolean upsert, String... fields) {
    return new OfRows(upsert, fields);
  }

  private static final class OfRecords implements RecordSerializer<RawRecord> {
    private static final long serialVersionUID = 1L;

    @Override
    public OutgoingRecord serialize(RawRecord record) {
      byte[] value = record.value();
      RawHeader[] headers =
          Arrays.stream(record.headers())
              .filter(header -> !isOurs(header.name()))
              .toArray(RawHeader[]::new);
      return new OutgoingRecord(
          record.key(),
          value == null ? DELETED : value,
          record.timestampMs(),
          headers,
          record.id(),
          0,
          value == null || record.isDelete());
    }

    /** Id, version and kind are given anew. */
    private static boolean isOurs(String name) {
      return name.equals(RecordHeaders.ID)
          || name.equals(RecordHeaders.VERSION)
          || name.equals(RecordHeaders.OP);
    }
  }

  private static final class OfRows implements RecordSerializer<Row> {
    private static final long serialVersionUID = 1L;
    private static final List<String> KNOWN =
        List.of("value", "key", "record_id", "ordinal", "timestamp_ms", "delete");

    private final boolean upsert;
    private final List<String> fields;

    OfRows(boolean upsert, String... fields) {
      this.upsert = upsert;
      this.fields = List.of(fields);
      for (String field : fields) {
        if (!KNOWN.contains(field)) {
          throw new IllegalArgumentException(
              "no field '%s' of a row to write; there are: %s"
                  .formatted(field, String.join(", ", KNOWN)));
        }
      }
    }

    @Override
    public OutgoingRecord serialize(Row row) {
      byte[] value = (byte[]) field(row, "value");
      byte[] id = (byte[]) field(row, "record_id");
      requireKind(row.getKind());
      boolean delete =
          RowSerializer.isDelete(row.getKind()) || Boolean.TRUE.equals(field(row, "delete"));
      if (value == null && !delete) {
        throw new IllegalArgumentException("a row without a value, which is no delete");
      }
      return new OutgoingRecord(
          (byte[]) field(row, "key"),
          value == null ? DELETED : value,
          number(row, "timestamp_ms"),
          RawHeader.NONE,
          id == null ? null : RecordId.fromBytes(id),
          ordinal(row),
          delete);
    }

    /** An append can change no row, and would have both for ever. */
    private void requireKind(RowKind kind) {
      if (!upsert && kind != RowKind.INSERT) {
        throw new IllegalArgumentException(
            "a row of kind %s (%s) changes another one, and this sink only appends:"
                    .formatted(kind.shortString(), kind)
                + " write it with upsert=True and the field key, or make the stream insert-only");
      }
    }

    private int ordinal(Row row) {
      Long ordinal = number(row, "ordinal");
      return ordinal == null ? 0 : Math.toIntExact(ordinal);
    }

    private @Nullable Long number(Row row, String name) {
      return field(row, name) instanceof Number number ? number.longValue() : null;
    }

    private @Nullable Object field(Row row, String name) {
      int position = fields.indexOf(name);
      return position < 0 ? null : row.getField(position);
    }
  }
}
