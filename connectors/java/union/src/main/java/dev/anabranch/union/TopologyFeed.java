package dev.anabranch.union;

import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyException;
import dev.anabranch.topology.TopologyReader;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Follows the topology document: one daemon thread that keeps to the last good version. */
final class TopologyFeed implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TopologyFeed.class);

  private final TopologyReader reader;
  private final Duration interval;
  private final Consumer<Topology> listener;
  private final Thread thread;
  private @Nullable Topology last;

  private TopologyFeed(String location, Duration interval, Consumer<Topology> listener) {
    this.reader = new TopologyReader(location);
    this.interval = interval;
    this.listener = listener;
    this.thread = new Thread(this::run, "union-topology");
    thread.setDaemon(true);
  }

  /**
   * Reads once, on the caller's thread, then goes on in its own.
   *
   * @param required whether the first read must succeed
   */
  static TopologyFeed open(
      String location, Duration interval, boolean required, Consumer<Topology> listener) {
    TopologyFeed feed = new TopologyFeed(location, interval, listener);
    try {
      feed.read();
    } catch (TopologyException e) {
      if (required) {
        throw e;
      }
      LOG.warn("Going on with the topology of the checkpoint: {}", e.getMessage());
    }
    feed.thread.start();
    return feed;
  }

  private void run() {
    while (!Thread.currentThread().isInterrupted()) {
      try {
        Thread.sleep(interval.toMillis());
        read();
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException e) {
        LOG.warn("Going on with the last good topology: {}", e.getMessage());
      }
    }
  }

  private void read() {
    Topology next = reader.read();
    if (!next.equals(last)) {
      last = next;
      listener.accept(next);
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
