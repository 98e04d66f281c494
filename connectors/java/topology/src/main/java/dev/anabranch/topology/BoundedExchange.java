package dev.anabranch.topology;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Ends an exchange at a deadline, whichever part of the answer a server stretches. A socket's
 * time-out is for one read alone, so that a head that trickles is read for ever, and nothing but
 * the end of its connection stops who reads it. So it is read by a thread of its own.
 */
final class BoundedExchange {
  /** A connection that is cut ends its thread within less; whoever waits need not know if not. */
  private static final Duration GRACE = Duration.ofSeconds(1);

  /** A connection that is being made cannot be cut, so that it is tried again. */
  private static final long CUT_AGAIN_MS = 10;

  private final Duration deadline;
  private volatile @Nullable Thread givenUp;

  BoundedExchange(Duration deadline) {
    this.deadline = deadline;
  }

  /** Has it run; its own exceptions are thrown as they are. */
  <T> T run(HttpURLConnection connection, Callable<T> exchange) throws IOException {
    Thread before = givenUp;
    if (before != null && before.isAlive()) {
      // One at most: a server that can hold a thread must not gather them, either.
      throw new IOException("an exchange that was given up has not ended yet");
    }
    givenUp = null;
    FutureTask<T> task = new FutureTask<>(exchange);
    Thread thread = daemon(task, "topology-exchange");
    try {
      return task.get(deadline.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw tooLate(connection, thread);
    } catch (InterruptedException e) {
      cut(connection, thread);
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while the answer was read");
    } catch (ExecutionException e) {
      throw asItIs(e.getCause());
    }
  }

  /** To be called between reads of the body: there the end of its connection may not be seen. */
  void check() throws IOException {
    if (givenUp == Thread.currentThread()) {
      throw new IOException("the exchange was given up");
    }
  }

  private IOException tooLate(HttpURLConnection connection, Thread exchange) {
    Thread cutting = cut(connection, exchange);
    try {
      cutting.join(GRACE.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return new IOException("no whole answer within " + deadline.toSeconds() + " s");
  }

  /** On another thread: to close a connection may itself wait for the other side. */
  private Thread cut(HttpURLConnection connection, Thread exchange) {
    givenUp = exchange;
    return daemon(
        () -> {
          while (exchange.isAlive()) {
            disconnect(connection);
            try {
              exchange.join(CUT_AGAIN_MS);
            } catch (InterruptedException e) {
              return;
            }
          }
        },
        "topology-cut");
  }

  private static void disconnect(HttpURLConnection connection) {
    try {
      connection.disconnect();
    } catch (RuntimeException e) {
      // It is not made for two threads; the next try finds what the other one left.
      return;
    }
  }

  private static Thread daemon(Runnable work, String name) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.setContextClassLoader(BoundedExchange.class.getClassLoader());
    thread.start();
    return thread;
  }

  private static IOException asItIs(Throwable thrown) {
    if (thrown instanceof Error error) {
      throw error;
    }
    if (thrown instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    return thrown instanceof IOException io ? io : new IOException(thrown);
  }
}
