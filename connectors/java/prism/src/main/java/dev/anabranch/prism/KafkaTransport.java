package dev.anabranch.prism;

import dev.anabranch.prism.SendErrors.ProducerBrokenException;
import java.time.Duration;
import java.util.HashSet;
import java.util.Properties;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One idempotent Kafka producer, made, kept warm and replaced by a daemon thread of its own,
 * because making one resolves names and its metadata takes a round trip.
 */
final class KafkaTransport implements Transport {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaTransport.class);

  /** How soon a primary that went is noticed, and one that came back is used. */
  private static final long CHECK_MS = 100;

  /** A broken client or an unresolvable name seldom mends within less. */
  private static final long REBUILD_MS = 1_000;

  private static final Duration FIRST_METADATA = Duration.ofSeconds(5);

  /** Of so many different ones the log is told, which is more than there should be. */
  private static final int TROUBLES = 10;

  private final String name;
  private final String topic;
  private final Supplier<Properties> config;
  private final Listener listener;
  private final Thread keeper;
  private volatile @Nullable KafkaProducer<byte[], byte[]> producer;
  private volatile @Nullable String broken;
  private volatile boolean closed;
  private long madeNanos;
  private @Nullable String reported;
  private final Set<String> told = new HashSet<>();
  private String reportedCluster = "";
  private ClusterEar ear = new ClusterEar();

  KafkaTransport(String name, String topic, Supplier<Properties> config, Listener listener) {
    this.name = name;
    this.topic = topic;
    this.config = config;
    this.listener = listener;
    this.keeper = new Thread(this::keep, "prism-" + topic + "-" + name);
    keeper.setDaemon(true);
    keeper.setContextClassLoader(KafkaTransport.class.getClassLoader());
    keeper.start();
  }

  @Override
  public void send(Send send, Attempt attempt) {
    KafkaProducer<byte[], byte[]> current = producer;
    if (current == null) {
      attempt.refuse(new TimeoutException("no producer for " + name + " yet"));
      return;
    }
    try {
      current.send(new CopyRecord(topic, send), attempt);
    } catch (SerializationException e) {
      attempt.refuse(e);
    } catch (RuntimeException e) {
      // What concerns the record or the primary comes by the callback; this is the producer itself.
      attempt.refuse(new ProducerBrokenException(e));
    }
  }

  @Override
  public void rebuild(String reason) {
    broken = reason;
  }

  @Override
  public void close() {
    closed = true;
    keeper.interrupt();
  }

  @Override
  public void awaitClosed(Duration limit) throws InterruptedException {
    keeper.join(limit.toMillis());
  }

  private void keep() {
    while (!closed) {
      try {
        Thread.sleep(check());
      } catch (InterruptedException e) {
        // Only close() interrupts.
        break;
      }
    }
    drop();
  }

  private long check() {
    try {
      String reason = broken;
      if (reason != null) {
        report(reason);
        broken = null;
        drop();
        return REBUILD_MS;
      }
      KafkaProducer<byte[], byte[]> current = producer;
      if (current == null) {
        ear = new ClusterEar();
        current = new KafkaProducer<>(config.get(), new ByteArraySerializer(), ear);
        producer = current;
        madeNanos = System.nanoTime();
      }
      current.partitionsFor(topic);
      String cluster = ear.cluster();
      // The producer tells it a moment after it can be used.
      if (cluster != null) {
        ready(cluster);
      }
      return CHECK_MS;
    } catch (TimeoutException e) {
      silent();
      return CHECK_MS;
    } catch (AuthenticationException e) {
      report(Lane.describe(e));
      // It keeps the secrets that it was made with, and they may be renewed. Without metadata
      // nothing
      // is sent, so that no record would tell.
      drop();
      return REBUILD_MS;
    } catch (RuntimeException | LinkageError e) {
      // A class that is missing once may be there later; without this thread nobody would ask.
      report(Lane.describe(e));
      return REBUILD_MS;
    }
  }

  private void ready(String cluster) {
    if (reported == null || !reported.isEmpty() || !cluster.equals(reportedCluster)) {
      LOG.info("{} answers and has topic {}, as Kafka cluster {}", name, topic, cluster);
      listener.ready(cluster);
    }
    reported = "";
    reportedCluster = cluster;
    told.clear();
  }

  /** Whoever has a producer anew waits for its metadata first, and knows no more than before. */
  private void silent() {
    boolean fresh = System.nanoTime() - madeNanos < FIRST_METADATA.toNanos();
    if (fresh && reported != null && !reported.isEmpty()) {
      return;
    }
    // The client's own message tells of 0 ms, for which it was told to wait.
    String trouble = "no broker of it answers, or none has topic " + topic;
    if (fresh && reported == null) {
      reported = trouble;
      listener.unready(trouble);
    } else {
      report(trouble);
    }
  }

  /** Logs each trouble once, until the primary is ready again. */
  private void report(String trouble) {
    if (told.size() < TROUBLES && told.add(trouble)) {
      LOG.warn("primary {} takes no records: {}", name, trouble);
    }
    if (!trouble.equals(reported)) {
      listener.unready(trouble);
    }
    reported = trouble;
  }

  private void drop() {
    KafkaProducer<byte[], byte[]> old = producer;
    producer = null;
    if (old != null) {
      old.close(Duration.ZERO);
    }
  }
}
