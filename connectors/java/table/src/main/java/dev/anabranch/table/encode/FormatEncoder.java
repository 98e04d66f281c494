package dev.anabranch.table.encode;

import java.io.Serializable;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.utils.ProjectedRowData;
import org.jspecify.annotations.Nullable;

/** Encodes the key's or the value's columns of a row by a format. */
public final class FormatEncoder implements Serializable {
  private static final long serialVersionUID = 1L;

  private final SerializationSchema<RowData> schema;
  private final int[] positions;
  private transient @Nullable ProjectedRowData projected;

  /**
   * @param schema encoder made by the format
   * @param positions of its columns in the table's row
   */
  public FormatEncoder(SerializationSchema<RowData> schema, int[] positions) {
    this.schema = schema;
    this.positions = positions.clone();
  }

  void open(SerializationSchema.InitializationContext context) throws Exception {
    schema.open(context);
  }

  byte @Nullable [] encode(RowData row) {
    ProjectedRowData part = projected;
    if (part == null) {
      part = ProjectedRowData.from(positions);
      projected = part;
    }
    return schema.serialize(part.replaceRow(row));
  }
}
