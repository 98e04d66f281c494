package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;

/**
 * What a union source has of the world around it: Kafka clients, threads and time. Jobs have the
 * real ones; a test has others, in which brokers are simulated, everything happens in one thread
 * and years of faults pass in a second.
 */
interface Surroundings {
  /** Those of a job. */
  Surroundings REAL = new Surroundings() {};

  /** A client for questions about what a primary has. */
  default Admin admin(Primary primary, String clientId) {
    return Clients.admin(primary, clientId);
  }

  /** A client that reads from a primary. */
  default Consumer<byte[], byte[]> consumer(
      Primary primary, String clientId, Map<String, String> overrides, MetadataWatch watch) {
    return Clients.consumer(primary, clientId, overrides, watch);
  }

  /** Has a probe go about its work. */
  default void start(PrimaryProbe probe) {
    probe.start();
  }

  /** Has a fetcher go about its work. */
  default void start(PrimaryFetcher fetcher) {
    fetcher.start();
  }

  /** As {@link System#nanoTime()}. */
  default long nanoTime() {
    return System.nanoTime();
  }

  /** How long a wait really lasts that is wanted to last that long at most. */
  default Duration patience(Duration wanted) {
    return wanted;
  }
}
