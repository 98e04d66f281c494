package dev.anabranch.topology;

import java.util.Properties;

/** The one place where typed auth becomes properties of a Java Kafka client. */
public final class KafkaClientProperties {
  private KafkaClientProperties() {}

  /**
   * Bootstrap servers and security of a client of that primary, secrets resolved here and now.
   *
   * @return a fresh object that the caller adds its own settings to
   */
  public static Properties of(Primary primary) {
    Properties properties = new Properties();
    properties.setProperty("bootstrap.servers", String.join(",", primary.bootstrap()));
    Auth auth = primary.auth();
    if (auth != null && !(auth instanceof Auth.None)) {
      throw new TopologyException(
          "auth of type " + auth.getClass().getSimpleName() + " is not there yet");
    }
    return properties;
  }
}
