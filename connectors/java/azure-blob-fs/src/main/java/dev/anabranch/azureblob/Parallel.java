package dev.anabranch.azureblob;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Runs one kind of request for many blobs in a pool, with a bound on how many are queued, and stops
 * at the first that fails. Used by one thread; {@link #close} gives up what is left.
 */
final class Parallel implements AutoCloseable {
  // Enough to keep any pool busy, and few enough that a listing of millions is not held at once.
  private static final int QUEUED = 256;

  private final ExecutorService pool;
  private final Deque<Future<?>> queued = new ArrayDeque<>();
  private volatile boolean stopped;

  Parallel(ExecutorService pool) {
    this.pool = pool;
  }

  /** A request for one blob. */
  interface Request {
    /** Made by a thread of the pool. */
    void run() throws IOException;
  }

  /** Runs it soon, and gives its end; waits for the oldest if many are queued. */
  Future<?> run(Request request) throws ExecutionException, InterruptedException {
    if (queued.size() >= QUEUED) {
      queued.remove().get();
    }
    Future<?> running = pool.submit(() -> perform(request));
    queued.add(running);
    return running;
  }

  private @Nullable Void perform(Request request) throws IOException {
    if (!stopped) {
      request.run();
    }
    return null;
  }

  /** Returns when all are done. */
  void awaitAll() throws ExecutionException, InterruptedException {
    while (!queued.isEmpty()) {
      queued.remove().get();
    }
  }

  /** Those that have not begun never will; may be called by any thread. */
  void stop() {
    stopped = true;
  }

  boolean isStopped() {
    return stopped;
  }

  @Override
  public void close() {
    stop();
  }
}
