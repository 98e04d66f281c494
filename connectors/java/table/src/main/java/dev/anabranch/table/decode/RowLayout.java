package dev.anabranch.table.decode;

import dev.anabranch.table.deadletter.Reason;
import java.io.Serializable;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/** The row that a table produces: its physical columns, then its metadata columns. */
public final class RowLayout implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String[] names;
  private final int[] notNull;
  private final ReadableMetadata[] metadata;

  /**
   * @param physical the physical columns
   * @param metadata the metadata columns that are read, in the order of the produced row
   */
  public RowLayout(RowType physical, List<ReadableMetadata> metadata) {
    this.names = physical.getFieldNames().toArray(String[]::new);
    this.notNull =
        IntStream.range(0, names.length).filter(i -> !physical.getTypeAt(i).isNullable()).toArray();
    this.metadata = metadata.toArray(ReadableMetadata[]::new);
  }

  int arity() {
    return names.length + metadata.length;
  }

  int physicalArity() {
    return names.length;
  }

  List<ReadableMetadata> metadata() {
    return List.of(metadata);
  }

  /**
   * Refuses a NULL in a column that is NOT NULL: generated code does not look for it, and would
   * compute with garbage.
   */
  void checkNotNull(RowData row) throws UndecodableException {
    for (int position : notNull) {
      if (row.isNullAt(position)) {
        throw new UndecodableException(
            Reason.MISSING_FIELD,
            "column '" + names[position] + "' is NOT NULL, but the record has no value for it");
      }
    }
  }
}
