package dev.anabranch.table.encode;

import dev.anabranch.table.deadletter.RowText;
import org.apache.flink.table.connector.RuntimeConverter;
import org.apache.flink.table.connector.sink.DynamicTableSink.DataStructureConverter;
import org.apache.flink.table.data.RowData;

/** The physical columns of a table's row, as Flink prints rows. */
public final class TableRowText implements RowText<RowData> {
  private static final long serialVersionUID = 1L;

  private final DataStructureConverter converter;

  /**
   * @param converter of the physical columns
   */
  public TableRowText(DataStructureConverter converter) {
    this.converter = converter;
  }

  @Override
  public void open(ClassLoader classes) {
    converter.open(RuntimeConverter.Context.create(classes));
  }

  @Override
  public String of(RowData row) {
    return String.valueOf(converter.toExternal(row));
  }
}
