package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A {@link PrismEngine} for a thread that may wait: it parks while there is no room. A daemon
 * thread of its own brings sends forward between the calls, so that a caller may stay away for
 * long; {@code max_block} bounds every wait. To be used by one thread; listeners are told on either
 * thread and must not call back.
 */
final class BlockingPrism implements AutoCloseable {
  /** Released from any thread and without the lock: Kafka's threads must not wait for ours. */
  private final Semaphore wakes = new Semaphore(0);

  private final Map<String, LaneStats> stats = new ConcurrentHashMap<>();

  /**
   * Held by whoever is the engine's thread at the moment; notified when that may let others go on.
   */
  private final Object lock = new Object();

  private final PrismEngine engine;

  // Both guarded by the lock.
  private @Nullable Throwable failure;
  private boolean closed;

  BlockingPrism(
      String stream,
      PrismEngine.Failures failures,
      Function<PrismEngine.Hooks, PrismEngine> opening) {
    this.engine = opening.apply(new PrismEngine.Hooks(wakes::release, failures, stats::put));
    Thread thread = new Thread(this::run, "prism-" + stream);
    thread.setDaemon(true);
    thread.start();
  }

  /** Opens one whose sends without a listener fail by an exception of the next call. */
  static BlockingPrism open(String topology, String stream, PrismOptions options) {
    return new BlockingPrism(
        stream,
        PrismEngine.Failures.THROW,
        hooks -> PrismEngine.open(topology, stream, options, hooks));
  }

  /**
   * Waits for room and accepts a record; see {@link PrismEngine#send}. Throws {@link
   * DeliveryException} or {@link RecordException} of earlier sends without a listener.
   */
  void send(
      OutgoingRecord record,
      RecordId id,
      @Nullable RecordVersion version,
      Delivery.@Nullable Listener listener)
      throws InterruptedException {
    synchronized (lock) {
      throwFailure();
      while (engine.isFull()) {
        await();
      }
      engine.send(record, id, version, listener);
    }
  }

  /** Returns when every send before is done or its listener knows of its failure. */
  void flush() throws InterruptedException {
    synchronized (lock) {
      throwFailure();
      while (!engine.isIdle()) {
        await();
      }
    }
  }

  /** Figures of each primary by name. */
  Map<String, LaneStats> stats() {
    return Map.copyOf(stats);
  }

  /** Gives up what is in flight; {@link #flush} first. */
  @Override
  public void close() {
    synchronized (lock) {
      closed = true;
      wakes.release();
      engine.close();
    }
  }

  private void await() throws InterruptedException {
    lock.wait();
    throwFailure();
  }

  private void run() {
    boolean goesOn = true;
    while (goesOn) {
      wakes.acquireUninterruptibly();
      wakes.drainPermits();
      goesOn = process();
    }
  }

  private boolean process() {
    synchronized (lock) {
      if (closed) {
        return false;
      }
      try {
        engine.process();
      } catch (RuntimeException | Error e) {
        failure = failure == null ? e : failure;
      }
      lock.notifyAll();
      return true;
    }
  }

  private void throwFailure() {
    Throwable first = failure;
    failure = null;
    if (first instanceof Error error) {
      throw error;
    }
    if (first instanceof RuntimeException exception) {
      throw exception;
    }
  }
}
