package dev.anabranch.table;

import dev.anabranch.prism.PrismSink;
import dev.anabranch.prism.RecordSerializer;
import dev.anabranch.union.RecordDeserializer;
import dev.anabranch.union.UnionSource;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

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
    UnionTableFactory union = new UnionTableFactory();
    OptionNames.check(options.keySet(), union);
    OptionValues.check(options, union);
    UnionSettings settings = UnionSettings.of(Configuration.fromMap(options), false);
    // Whether the strategy assigns timestamps is not known here.
    return settings.source(deserializer, settings.watermarkMode());
  }

  /** A sink by the options of {@code prism}. */
  public static <T> PrismSink<T> sink(
      Map<String, String> options, boolean upsert, RecordSerializer<T> serializer) {
    PrismTableFactory prism = new PrismTableFactory();
    OptionNames.check(options.keySet(), prism, PrismOptionKeys.PROPERTIES_PREFIX);
    OptionValues.check(options, prism);
    return PrismSettings.of(options, upsert, "", "").sink(serializer, String::valueOf);
  }

  /**
   * Archives a stream, by the options of {@code union}; those of decoding do not count.
   *
   * @param place folder of the archive
   */
  public static void archive(
      StreamExecutionEnvironment env, Map<String, String> options, String place) {
    UnionTableFactory union = new UnionTableFactory();
    OptionNames.check(options.keySet(), union);
    OptionValues.check(options, union);
    UnionSettings settings = UnionSettings.of(Configuration.fromMap(options), false);
    new ArchivePipeline(settings).build(env, place);
  }
}
