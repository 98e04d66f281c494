package dev.anabranch.topology;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one daemon thread that polls a location for all watchers of this JVM, counted by reference.
 * It owns the {@link TopologyFollower} and calls all listeners.
 */
final class TopologyPoller {
  private static final Logger LOG = LoggerFactory.getLogger(TopologyPoller.class);

  /** Without any document nothing can start, so ask more often. */
  private static final Duration PAUSE_WITHOUT = Duration.ofSeconds(1);

  private static final Map<String, TopologyPoller> POLLERS = new HashMap<>();

  /** One call of {@link TopologyWatcher#onChange}. */
  private static final class Subscription {
    final TopologyWatcher owner;
    final Consumer<Topology> listener;
    long toldGeneration;

    Subscription(TopologyWatcher owner, Consumer<Topology> listener) {
      this.owner = owner;
      this.listener = listener;
    }
  }

  private final String name;
  private final TopologyFollower follower;
  private final List<Subscription> subscriptions = new ArrayList<>(); // guarded by this
  private Duration interval; // guarded by this
  private boolean isStarted; // guarded by this
  private boolean isStopped; // guarded by this
  private boolean isPoked; // guarded by this
  private int holders; // guarded by POLLERS

  private TopologyPoller(String name, TopologyFollower follower, Duration interval) {
    this.name = name;
    this.follower = follower;
    this.interval = interval;
  }

  /** The poller of a location, made and started if there is none yet; it has read once. */
  static TopologyPoller acquire(String location, Duration interval, @Nullable String cacheDir) {
    if (interval.isZero() || interval.isNegative()) {
      throw new IllegalArgumentException("interval must be positive: " + interval);
    }
    DocumentSource source = DocumentSource.of(location);
    String name = source.key() + '\n' + (cacheDir == null ? "" : cacheDir);
    TopologyPoller poller;
    synchronized (POLLERS) {
      poller =
          POLLERS.computeIfAbsent(
              name,
              key -> {
                TopologyCache cache = TopologyCache.of(source.key(), cacheDir);
                return new TopologyPoller(key, new TopologyFollower(source, cache), interval);
              });
      poller.holders++;
    }
    poller.start(interval);
    return poller;
  }

  /** Ends the calls to a watcher's listeners; with the last watcher the thread ends. */
  void release(TopologyWatcher watcher) {
    boolean isLast;
    synchronized (POLLERS) {
      isLast = --holders == 0;
      if (isLast) {
        POLLERS.remove(name);
      }
    }
    synchronized (this) {
      subscriptions.removeIf(subscription -> subscription.owner == watcher);
      isStopped |= isLast;
      notifyAll();
    }
  }

  TopologyFollower follower() {
    return follower;
  }

  /** Adds a listener and has the thread call it soon. */
  synchronized void listen(TopologyWatcher watcher, Consumer<Topology> listener) {
    subscriptions.add(new Subscription(watcher, listener));
    isPoked = true;
    notifyAll();
  }

  private synchronized void start(Duration wanted) {
    if (wanted.compareTo(interval) < 0) {
      interval = wanted;
      notifyAll();
    }
    if (isStarted) {
      return;
    }
    isStarted = true;
    follower.open();
    Thread thread = new Thread(this::run, "topology-" + follower.where());
    thread.setDaemon(true);
    thread.setContextClassLoader(TopologyPoller.class.getClassLoader());
    thread.start();
  }

  private void run() {
    long polled = System.nanoTime();
    try {
      while (true) {
        tell();
        Wake wake = await(polled);
        if (wake == Wake.STOPPED) {
          return;
        }
        if (wake == Wake.DUE) {
          follower.poll();
          polled = System.nanoTime();
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("the poller of {} was interrupted", follower.where());
    }
  }

  private enum Wake {
    STOPPED,
    POKED,
    DUE
  }

  private synchronized Wake await(long polled) throws InterruptedException {
    while (true) {
      if (isStopped) {
        return Wake.STOPPED;
      }
      if (isPoked) {
        isPoked = false;
        return Wake.POKED;
      }
      long left = polled + pause().toNanos() - System.nanoTime();
      if (left <= 0) {
        return Wake.DUE;
      }
      wait(left / 1_000_000 + 1);
    }
  }

  private Duration pause() {
    boolean waits = follower.current() == null && PAUSE_WITHOUT.compareTo(interval) < 0;
    return waits ? PAUSE_WITHOUT : interval;
  }

  private void tell() {
    Topology topology = follower.current();
    if (topology == null) {
      return;
    }
    List<Subscription> due;
    synchronized (this) {
      due = new ArrayList<>(subscriptions);
    }
    for (Subscription subscription : due) {
      if (subscription.toldGeneration < topology.generation() && isWanted(subscription)) {
        subscription.toldGeneration = topology.generation();
        tell(subscription.listener, topology);
      }
    }
  }

  private synchronized boolean isWanted(Subscription subscription) {
    return subscriptions.contains(subscription);
  }

  private static void tell(Consumer<Topology> listener, Topology topology) {
    try {
      listener.accept(topology);
    } catch (Throwable e) {
      // Also errors of linkage: one bad listener must not silence the others.
      LOG.error("a listener failed on topology generation {}", topology.generation(), e);
    }
  }
}
