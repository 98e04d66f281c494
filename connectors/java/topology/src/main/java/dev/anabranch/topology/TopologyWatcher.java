package dev.anabranch.topology;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Follows one document: polls its location, keeps and caches the last good version, tells those who
 * listen. All watchers of one location in a JVM share one poller and its daemon thread; errors are
 * logged, none leaves that thread.
 */
public final class TopologyWatcher implements AutoCloseable {
  private final TopologyPoller poller;
  private final AtomicBoolean isClosed = new AtomicBoolean();

  private TopologyWatcher(TopologyPoller poller) {
    this.poller = poller;
  }

  /**
   * Opens a watcher. The first one of a location reads at once, for up to some seconds, and takes
   * the cached document if that fails.
   *
   * @param location a path, http(s) or any URI that Flink's file systems know
   * @param interval time between polls; of several watchers of one location the shortest counts
   * @param cacheDir path or URI of the folder that keeps the last good document; null means the
   *     user's cache folder
   */
  public static TopologyWatcher open(
      String location, Duration interval, @Nullable String cacheDir) {
    return new TopologyWatcher(TopologyPoller.acquire(location, interval, cacheDir));
  }

  /** The newest valid document so far; null as long as there was none. */
  public @Nullable Topology current() {
    return poller.follower().current();
  }

  /**
   * When the location last confirmed the current document; null if it never did. A location that
   * does not answer, or shows an invalid or older document, confirms nothing. Writers compare it
   * with their max_stale.
   */
  public @Nullable Instant lastFetched() {
    return poller.follower().lastFetched();
  }

  /**
   * Has a listener called from the poller's thread, soon with the current document if there is one,
   * then once for each newer valid generation. It must not block for long; what it throws is
   * logged.
   */
  public void onChange(Consumer<Topology> listener) {
    poller.listen(this, listener);
  }

  /** Ends the calls to its listeners; the last watcher of a location ends the polling. */
  @Override
  public void close() {
    if (isClosed.compareAndSet(false, true)) {
      poller.release(this);
    }
  }
}
