package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** The fetchers of a reader, one for each primary that it has splits on. */
final class FetcherPool implements Fetching, AutoCloseable {
  /** How long a closing task waits for its threads, so that none outlives its class loader. */
  private static final long CLOSE_LIMIT_MS = 3000;

  private final UnionSettings settings;
  private final Handover handover;
  private final UnionReaderMetrics metrics;
  private final Surroundings around;
  private final Map<String, PrimaryFetcher> fetchers = new HashMap<>();
  private final Map<String, CompletableFuture<Void>> commits = new HashMap<>();

  FetcherPool(
      UnionSettings settings, Handover handover, UnionReaderMetrics metrics, Surroundings around) {
    this.settings = settings;
    this.handover = handover;
    this.metrics = metrics;
    this.around = around;
  }

  @Override
  public void read(String primary, Primary how, FetchOrder order) {
    PrimaryFetcher fetcher = fetchers.get(primary);
    if (fetcher == null) {
      fetcher =
          new PrimaryFetcher(primary, how, settings, handover, metrics.primary(primary), around);
      fetchers.put(primary, fetcher);
      around.start(fetcher);
    }
    metrics.partition(primary, order.topic(), order.log().partition());
    fetcher.add(order);
  }

  @Override
  public void drop(String primary, String splitId) {
    PrimaryFetcher fetcher = fetchers.get(primary);
    if (fetcher != null) {
      fetcher.remove(splitId);
    }
  }

  @Override
  public void pause(String primary, String splitId, boolean paused) {
    PrimaryFetcher fetcher = fetchers.get(primary);
    if (fetcher != null) {
      fetcher.pause(splitId, paused);
    }
  }

  @Override
  public void reach(String primary, Primary how) {
    PrimaryFetcher fetcher = fetchers.get(primary);
    if (fetcher != null) {
      fetcher.reach(how);
    }
  }

  /** Commits a group's offsets on a primary, for lag tools and later starts; best effort. */
  void commit(String primary, Map<TopicPartition, OffsetAndMetadata> offsets) {
    PrimaryFetcher fetcher = fetchers.get(primary);
    if (fetcher != null) {
      commits.put(primary, fetcher.commit(offsets));
    }
  }

  /** Waits, not for long, until primaries have answered the last commits. */
  void awaitCommits() {
    try {
      CompletableFuture.allOf(commits.values().toArray(new CompletableFuture<?>[0]))
          .get(around.patience(Clients.ANSWER_LIMIT).toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException | ExecutionException e) {
      // Nothing depends on them.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    fetchers.values().forEach(PrimaryFetcher::close);
    long deadline = System.nanoTime() + CLOSE_LIMIT_MS * 1_000_000;
    try {
      for (PrimaryFetcher fetcher : fetchers.values()) {
        fetcher.awaitEnd(Math.max(1, (deadline - System.nanoTime()) / 1_000_000));
      }
    } catch (InterruptedException e) {
      // The task is being cancelled in earnest; the threads are told, and daemons.
      Thread.currentThread().interrupt();
    }
  }
}
