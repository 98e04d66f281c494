package dev.anabranch.azureblob;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

/** One way to do what {@link BenchCase} names. */
interface BlobWorkload {
  /** Whether it can do that at all. */
  boolean does(BenchCase what);

  /** Does it once, and returns when all of it is done. */
  void run(BenchCase what) throws Exception;

  /** One of several like it. */
  interface Numbered {
    void run(int number) throws Exception;
  }

  /** Runs them in the pool's threads, and waits for all. */
  static void each(ExecutorService pool, int count, Numbered work)
      throws ExecutionException, InterruptedException {
    List<Future<?>> running = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int number = i;
      running.add(
          pool.submit(
              () -> {
                work.run(number);
                return null;
              }));
    }
    for (Future<?> one : running) {
      one.get();
    }
  }

  /** Else the ways that are compared did not do the same. */
  static void check(boolean holds, String sentence) throws IOException {
    if (!holds) {
      throw new IOException(sentence);
    }
  }
}
