package dev.anabranch.table;

import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.table.api.ValidationException;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Checks {@code properties.…} by Kafka's own definitions, when a statement is planned. */
final class ProducerProperties {
  private static final Logger LOG = LoggerFactory.getLogger(ProducerProperties.class);

  private static final Map<String, ConfigDef.ConfigKey> KNOWN =
      ProducerConfig.configDef().configKeys();

  private ProducerProperties() {}

  /**
   * Fails where Kafka would refuse a value. A name that Kafka does not know is only told in the
   * log, as Kafka does: login handlers, partitioners and metrics reporters read names of their own.
   */
  static void check(Map<String, String> properties) {
    new TreeMap<>(properties)
        .forEach(
            (name, value) -> {
              ConfigDef.ConfigKey known = KNOWN.get(name);
              if (known == null) {
                LOG.warn(unknown(name));
              } else if (known.type != ConfigDef.Type.CLASS) { // May be on the cluster alone.
                check(known, value);
              }
            });
  }

  /** What is said of a name that is none of Kafka's. */
  static String unknown(String name) {
    return "'%s%s': Kafka's producers have no such property%s; only classes of yours could read it"
        .formatted(
            PrismOptionKeys.PROPERTIES_PREFIX, name, OptionNames.closest(name, KNOWN.keySet()));
  }

  private static void check(ConfigDef.ConfigKey known, String value) {
    try {
      Object parsed = ConfigDef.parseType(known.name, value, known.type);
      if (known.validator != null) {
        known.validator.ensureValid(known.name, parsed);
      }
    } catch (ConfigException e) {
      throw new ValidationException(
          "'%s%s' = '%s' is refused by Kafka: %s"
              .formatted(
                  PrismOptionKeys.PROPERTIES_PREFIX,
                  known.name,
                  known.type == ConfigDef.Type.PASSWORD ? "…" : value,
                  e.getMessage()));
    }
  }
}
