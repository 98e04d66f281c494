package dev.anabranch.topology;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The access tokens of one identity for one scope, for all Kafka clients of this JVM. Kafka asks
 * for a token under locks that clients of all primaries take, to be closed too; so it is handed
 * only what lies here. Whoever makes a client sees to it that there is a token before, and a thread
 * renews it as long as a client is logged in by it. Its Python twin is {@code
 * anabranch.topology.kafka_tokens}.
 */
final class TokenSource {
  private static final Logger LOG = LoggerFactory.getLogger(TokenSource.class);

  /** Before four fifths of a token's life are over, when Kafka asks for another one. */
  private static final double FRESH = 0.75;

  private static final long AGAIN_MS = 5_000;

  /** A login whose first token expires while Kafka looks at it would never get another one. */
  private static final long MARGIN_MS = 500;

  private static final Map<Wanted, TokenSource> SOURCES = new ConcurrentHashMap<>();

  /** Equal ones are one source. */
  private record Wanted(WorkloadIdentity identity, String scope, @Nullable String ca) {
    @Override
    public String toString() {
      return identity + " for " + scope;
    }
  }

  private final Wanted wanted;
  private final TokenClient client;

  /** Held while the token service is asked: for up to ten seconds, so never to look at a token. */
  private final ReentrantLock asking = new ReentrantLock();

  private volatile @Nullable AccessToken token;
  private volatile @Nullable String failure; // written while asking, as are the next two
  private long failedNanos;
  private long freshUntilMs;
  private int logins; // guarded by this
  private @Nullable Thread keeper; // guarded by this

  private TokenSource(Wanted wanted) {
    this.wanted = wanted;
    this.client = new TokenClient(wanted.identity, wanted.scope, wanted.ca);
  }

  /** The one source of these tokens in this JVM. */
  static TokenSource of(WorkloadIdentity identity, String scope, @Nullable String ca) {
    return SOURCES.computeIfAbsent(new Wanted(identity, scope, ca), TokenSource::new);
  }

  /**
   * Sees to it that there is a token; waits for the token service if there is none.
   *
   * @throws TopologyException there is none; the message is one sentence that says why
   * @throws InterruptException this thread was interrupted meanwhile
   */
  void await() {
    long begunNanos = System.nanoTime();
    if (held() != null) {
      return;
    }
    beginAsking();
    try {
      // Whoever was before may have got one, or failed just now: each in turn would wait as long.
      boolean failedMeanwhile = failure != null && failedNanos - begunNanos > 0;
      if (held() == null && !failedMeanwhile) {
        renew();
      }
      String why = failure;
      if (held() == null && why != null) {
        throw new TopologyException(why);
      }
    } finally {
      asking.unlock();
    }
  }

  /** The token that there is, if it is still good. Never waits. */
  @Nullable AccessToken held() {
    AccessToken held = token;
    boolean good = held != null && System.currentTimeMillis() < held.lifetimeMs() - MARGIN_MS;
    return good ? held : null;
  }

  /** Why there is no token. */
  String problem() {
    String why = failure;
    return why == null ? "there is no access token yet" : why;
  }

  /** A client has logged in by this source, so that its tokens are renewed from now on. */
  synchronized void join() {
    logins++;
    if (keeper == null) {
      Thread thread = new Thread(this::keep, "kafka-tokens");
      thread.setDaemon(true);
      thread.setContextClassLoader(TokenSource.class.getClassLoader());
      thread.start();
      keeper = thread;
    }
  }

  /** It has logged out. With the last one the thread ends; nobody waits for that. */
  synchronized void leave() {
    logins--;
    if (logins == 0 && keeper != null) {
      keeper.interrupt();
      keeper = null;
    }
  }

  private void keep() {
    try {
      while (true) {
        Thread.sleep(tend());
      }
    } catch (InterruptedException | InterruptException e) {
      // The last client has logged out.
      return;
    }
  }

  /** Renews the token if it is time; after how many milliseconds to come again. */
  private long tend() {
    beginAsking();
    try {
      if (System.currentTimeMillis() >= freshUntilMs) {
        String before = failure;
        renew();
        tell(before, failure);
      }
      long left = freshUntilMs - System.currentTimeMillis();
      return failure != null ? AGAIN_MS : Math.max(0, left);
    } finally {
      asking.unlock();
    }
  }

  private void tell(@Nullable String before, @Nullable String after) {
    if (after != null && !after.equals(before)) {
      LOG.warn("no new access token for {}, asked again every {} ms: {}", wanted, AGAIN_MS, after);
    } else if (after == null && before != null) {
      LOG.info("there is a new access token for {}", wanted);
    }
  }

  private void renew() {
    try {
      AccessToken given = client.fetch();
      long lifetimeMs = given.lifetimeMs() - given.startTimeMs();
      freshUntilMs = given.startTimeMs() + (long) (FRESH * lifetimeMs);
      token = given;
      failure = null;
    } catch (TokenException | RuntimeException e) {
      if (Thread.currentThread().isInterrupted()) {
        // It says nothing of the token service.
        throw new InterruptException("interrupted while the token service was asked");
      }
      failedNanos = System.nanoTime();
      failure = Causes.sentence(e);
    }
  }

  private void beginAsking() {
    try {
      asking.lockInterruptibly();
    } catch (InterruptedException e) {
      throw new InterruptException(e);
    }
  }
}
