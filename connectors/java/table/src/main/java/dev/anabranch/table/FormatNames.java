package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Map;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.factories.FactoryUtil;

/** Names of a table's formats, by which the checks before decoding are chosen. */
final class FormatNames {
  /** Stands for the format 'raw' in another charset, whose bytes nobody can check. */
  private static final String OTHER_CHARSET = "raw-in-another-charset";

  private FormatNames() {}

  /** The format of the value. */
  static String value(DynamicTableFactory.Context context) {
    return name(context, FactoryUtil.FORMAT.key(), "");
  }

  /** The format of the key, or that of the value where none is named. */
  static String key(DynamicTableFactory.Context context) {
    String option = CommonOptions.KEY_FORMAT.key();
    return context.getCatalogTable().getOptions().containsKey(option)
        ? name(context, option, "key.")
        : value(context);
  }

  private static String name(DynamicTableFactory.Context context, String option, String prefix) {
    Map<String, String> options = context.getCatalogTable().getOptions();
    String name = options.getOrDefault(option, "");
    String charset = options.getOrDefault(prefix + "raw.charset", UTF_8.name());
    return name.equals("raw") && !charset.equalsIgnoreCase(UTF_8.name()) ? OTHER_CHARSET : name;
  }
}
