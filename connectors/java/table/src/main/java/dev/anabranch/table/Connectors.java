package dev.anabranch.table;

import dev.anabranch.prism.PrismSink;
import dev.anabranch.prism.RecordSerializer;
import dev.anabranch.union.RecordDeserializer;
import dev.anabranch.union.UnionSource;
import java.util.Map;
import org.apache.flink.configuration.Configuration;

/**
 * Source and sink for the DataStream API by the options of the SQL connectors, so that both have
 * one set of names. Used from Python. An option that the connector does not have is an error.
 */
public final class Connectors {
  private Connectors() {}

  /**
   * A source by the options of {@code union}; those of decoding and de-duplication do not count.
   */
  public static <T> UnionSource<T> source(
      Map<String, String> options, RecordDeserializer<T> deserializer) {
    OptionNames.check(options.keySet(), new UnionTableFactory());
    return UnionSettings.of(Configuration.fromMap(options), false).source(deserializer);
  }

  /** A sink by the options of {@code prism}. */
  public static <T> PrismSink<T> sink(
      Map<String, String> options, boolean upsert, RecordSerializer<T> serializer) {
    OptionNames.check(options.keySet(), new PrismTableFactory(), PrismOptionKeys.PROPERTIES_PREFIX);
    return PrismSettings.of(options, upsert, "", "").sink(serializer, String::valueOf);
  }
}
