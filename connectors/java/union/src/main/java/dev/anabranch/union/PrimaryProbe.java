package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;

/**
 * Asks one primary, again and again, what it has of a stream: one daemon thread, one admin client.
 * No error ever leaves the thread; a client that failed is thrown away.
 */
final class PrimaryProbe implements AutoCloseable {
  private static final Duration FIRST_BACK_OFF = Duration.ofMillis(500);
  private static final Duration LAST_BACK_OFF = Duration.ofSeconds(10);

  /** What a probe needs of the enumerator. Called on the probe's thread; may block it. */
  interface Listener {
    /** Says what is new in that view; blocks until the coordinator has looked at it. */
    Lookup seen(PrimaryProbe probe, PrimaryView shown) throws InterruptedException;

    /** Takes the looked-up bounds of what was new. */
    void resolved(
        PrimaryProbe probe, PrimaryView shown, Lookup lookup, Map<LogId, Lookup.Bounds> bounds);

    /** An attempt failed. */
    void failed(PrimaryProbe probe, String reason);
  }

  private final String name;
  private final Primary primary;
  private final String topic;
  private final UnionSettings settings;
  private final long jobStartMs;
  private final Listener listener;
  private final Surroundings around;
  private final Thread thread;
  private volatile boolean closed;

  PrimaryProbe(
      String name,
      Primary primary,
      String topic,
      UnionSettings settings,
      long jobStartMs,
      Listener listener,
      Surroundings around) {
    this.name = name;
    this.primary = primary;
    this.topic = topic;
    this.settings = settings;
    this.jobStartMs = jobStartMs;
    this.listener = listener;
    this.around = around;
    this.thread = new Thread(this::run, "union-probe-" + settings.stream() + "-" + name);
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** Name of the primary. */
  String primary() {
    return name;
  }

  /** Whether this probe asks that primary for that topic. */
  boolean asks(Primary other, String otherTopic) {
    return primary.equals(other) && topic.equals(otherTopic);
  }

  boolean isClosed() {
    return closed;
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }

  private void run() {
    Admin admin = null;
    Duration backOff = FIRST_BACK_OFF;
    while (!closed) {
      try {
        if (admin == null) {
          admin = open();
        }
        ask(admin);
        backOff = FIRST_BACK_OFF;
        Thread.sleep(settings.discoveryInterval().toMillis());
      } catch (InterruptedException e) {
        break;
      } catch (Exception | LinkageError e) {
        closeQuietly(admin);
        admin = null;
        listener.failed(this, Reasons.of(e));
        if (!sleep(backOff)) {
          break;
        }
        backOff = longer(backOff);
      }
    }
    closeQuietly(admin);
  }

  private void ask(Admin admin) throws InterruptedException, ExecutionException, TimeoutException {
    PrimaryView shown = look(admin);
    Lookup lookup = listener.seen(this, shown);
    if (!lookup.logs().isEmpty()) {
      Map<LogId, Lookup.Bounds> bounds = resolve(admin, shown, lookup);
      if (bounds != null) {
        listener.resolved(this, shown, lookup, bounds);
      }
    }
  }

  /** A new client; a thread or a test asks by it until it fails. */
  Admin open() {
    return around.admin(primary, "anabranch-probe-" + settings.stream());
  }

  /**
   * Looks the bounds of new logs up. Brokers are asked by the topic's name, so that the numbers may
   * be another log's: null where the topic or the cluster is not the same any more afterwards.
   */
  @Nullable Map<LogId, Lookup.Bounds> resolve(Admin admin, PrimaryView shown, Lookup lookup)
      throws InterruptedException, ExecutionException, TimeoutException {
    Map<LogId, Lookup.Bounds> bounds =
        new OffsetLookup(admin, topic, settings.groupId(), jobStartMs)
            .resolve(lookup, settings.stop().of(name));
    PrimaryView after = look(admin);
    boolean same =
        after.clusterId().equals(shown.clusterId())
            && Objects.equals(after.topicId(), shown.topicId());
    return same ? bounds : null;
  }

  /** Looks what the primary has. */
  PrimaryView look(Admin admin) throws InterruptedException, ExecutionException, TimeoutException {
    String clusterId = OffsetLookup.await(admin.describeCluster().clusterId());
    try {
      TopicDescription found =
          OffsetLookup.await(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
      Set<Integer> partitions = new TreeSet<>();
      found.partitions().forEach(partition -> partitions.add(partition.partition()));
      return new PrimaryView(clusterId, topic, found.topicId().toString(), partitions);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        return new PrimaryView(clusterId, topic, null, Set.of());
      }
      throw e;
    }
  }

  private static Duration longer(Duration backOff) {
    Duration twice = backOff.multipliedBy(2);
    return twice.compareTo(LAST_BACK_OFF) > 0 ? LAST_BACK_OFF : twice;
  }

  private static boolean sleep(Duration duration) {
    try {
      Thread.sleep(duration.toMillis());
      return true;
    } catch (InterruptedException e) {
      return false;
    }
  }

  private static void closeQuietly(@Nullable Admin admin) {
    if (admin != null) {
      try {
        admin.close(Duration.ZERO);
      } catch (RuntimeException e) {
        // A client that cannot even be closed is left to its own threads, which are daemons.
      }
    }
  }
}
