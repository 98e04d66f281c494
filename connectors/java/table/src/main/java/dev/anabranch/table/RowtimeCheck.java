package dev.anabranch.table;

import java.util.List;
import java.util.Locale;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.catalog.UniqueConstraint;
import org.apache.flink.table.catalog.WatermarkSpec;

/**
 * Whether Flink can go by the column of a watermark. Deletes have their key and no value, and Flink
 * fails the job at a row without its time. By computed and metadata columns of a table with a
 * primary key Flink 2.3 makes no plan ("IndexOutOfBoundsException: 0").
 */
final class RowtimeCheck {
  private RowtimeCheck() {}

  /** Whether the source gives the watermark; then Flink does not look at the column. */
  static boolean isOfSource(WatermarkSpec spec) {
    String text = spec.getWatermarkExpression().asSummaryString();
    return text.toUpperCase(Locale.ROOT).contains("SOURCE_WATERMARK");
  }

  /** Refuses a table with a primary key whose watermark goes by another column than the key's. */
  static void ofUpserts(ResolvedSchema schema) {
    List<String> key = schema.getPrimaryKey().map(UniqueConstraint::getColumns).orElse(List.of());
    for (WatermarkSpec spec : schema.getWatermarkSpecs()) {
      String rowtime = spec.getRowtimeAttribute();
      if (!isOfSource(spec) && !key.contains(rowtime)) {
        throw new ValidationException(
            "WATERMARK FOR %s: a table with a PRIMARY KEY has deletes, which have no value and so no"
                    .formatted(rowtime)
                + " time of it. Let the source give the watermark, by the create times of the"
                + " records: WATERMARK FOR %s AS SOURCE_WATERMARK(); or go by a column of the key"
                    .formatted(rowtime));
      }
    }
  }
}
