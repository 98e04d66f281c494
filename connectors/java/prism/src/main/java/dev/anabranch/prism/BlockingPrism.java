package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * A {@link PrismEngine} for a thread that has nothing else to do than wait: it parks while there is
 * no room. Not thread-safe; {@code max_block} bounds every wait.
 */
public final class BlockingPrism implements AutoCloseable {
  private final Semaphore wakes = new Semaphore(0);
  private final Map<String, LaneStats> stats = new ConcurrentHashMap<>();
  private final PrismEngine engine;

  private BlockingPrism(
      String topology, String stream, PrismOptions options, PrismEngine.Failures failures) {
    PrismEngine.Hooks hooks = new PrismEngine.Hooks(wakes::release, failures, stats::put);
    this.engine = PrismEngine.open(topology, stream, options, hooks);
  }

  /** Opens one whose sends without a listener fail by an exception of the next call. */
  public static BlockingPrism open(String topology, String stream, PrismOptions options) {
    return new BlockingPrism(topology, stream, options, PrismEngine.Failures.THROW);
  }

  /**
   * Waits for room and accepts a record; see {@link PrismEngine#send}. Throws {@link
   * DeliveryException} or {@link RecordException} of earlier sends without a listener.
   */
  public void send(
      OutgoingRecord record,
      RecordId id,
      @Nullable RecordVersion version,
      Delivery.@Nullable Listener listener)
      throws InterruptedException {
    if (wakes.drainPermits() > 0) {
      engine.process();
    }
    while (engine.isFull()) {
      await();
    }
    engine.send(record, id, version, listener);
  }

  /** Returns when every send before is done or its listener knows of its failure. */
  public void flush() throws InterruptedException {
    while (!engine.isIdle()) {
      await();
    }
  }

  /** Figures of each primary by name. */
  public Map<String, LaneStats> stats() {
    return Map.copyOf(stats);
  }

  /** Gives up what is in flight; {@link #flush} first. */
  @Override
  public void close() {
    engine.close();
  }

  private void await() throws InterruptedException {
    wakes.acquire();
    wakes.drainPermits();
    engine.process();
  }
}
