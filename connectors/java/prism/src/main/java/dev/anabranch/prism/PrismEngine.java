package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends records of one stream to whichever primaries work, without Flink. A send is done when as
 * many primaries as the stream wants copies have acknowledged it.
 *
 * <p>Not thread-safe: every method is called from one thread, the engine's. Nothing here blocks but
 * {@link #close}. Whenever something came back, {@code wakeUp} is called from any thread, and the
 * engine's thread then calls {@link #process}.
 */
public final class PrismEngine implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PrismEngine.class);
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);

  private final String stream;
  private final PrismOptions options;
  private final TopologyFeed feed;
  private final Runnable wakeUp;
  private final Failures failures;
  private final AtomicBoolean woken = new AtomicBoolean();
  private final ConcurrentLinkedQueue<LongConsumer> events = new ConcurrentLinkedQueue<>();
  private final Completions completions = new Completions(this::wake);
  private final EngineClock clock;
  private final PrismCore core;
  private final Lanes lanes;
  private volatile boolean tickDue;
  private @Nullable StreamView view;
  private @Nullable RuntimeException failure;

  /**
   * Is told of sends without a listener that failed, or were done with fewer copies than wanted, on
   * the engine's thread.
   */
  @FunctionalInterface
  public interface Failures {
    /**
     * What it throws comes out of {@link PrismEngine#process}.
     *
     * @param record as it was sent; an upsert as it would lie in the logs, with all its headers
     */
    void failed(OutgoingRecord record, RecordId id, RuntimeException error);

    /**
     * Lists a record that lacks copies. What it throws comes out of {@link PrismEngine#process},
     * too.
     *
     * @param record as it lies in the logs, with all its headers
     * @return whether it is listed; otherwise, as by default, the engine writes a line to the log
     */
    default boolean degraded(OutgoingRecord record, Delivery delivery) {
      return false;
    }

    /** Throws the error as it is. */
    Failures THROW =
        (record, id, error) -> {
          throw error;
        };
  }

  /**
   * What an engine calls back.
   *
   * @param wakeUp from any thread: call {@link PrismEngine#process} soon
   * @param failures sends without a listener that failed or were done with fewer copies
   * @param onPrimary a primary, by name, that is written to for the first time, and its figures
   */
  public record Hooks(
      Runnable wakeUp, Failures failures, BiConsumer<String, LaneStats> onPrimary) {}

  PrismEngine(
      String stream,
      PrismOptions options,
      TopologyFeed feed,
      Transport.Factory transports,
      Hooks hooks) {
    this.stream = stream;
    this.options = options;
    this.feed = feed;
    this.wakeUp = hooks.wakeUp();
    this.failures = hooks.failures();
    this.core = new PrismCore(stream, options, completions, this::ended);
    this.lanes = new Lanes(options, transports, laneEvents(), hooks.onPrimary());
    this.clock = new EngineClock(stream, tickInterval(options), System::nanoTime, this::tickSoon);
  }

  /**
   * Opens an engine; no primary need be alive, nor the topology's location if a document is cached.
   * Throws {@link TopologyException} where the document does not have the stream, and {@link
   * IllegalArgumentException} where the group has no primary by the name of the home one. A stream
   * of one copy, which {@code degradeAfter} can do nothing for, is told of in the log.
   */
  public static PrismEngine open(
      String topology, String stream, PrismOptions options, Hooks hooks) {
    return open(topology, stream, options, hooks, true);
  }

  /**
   * The same.
   *
   * @param tellsOfOneCopy whether the log is to say that {@code degradeAfter} does nothing
   */
  static PrismEngine open(
      String topology, String stream, PrismOptions options, Hooks hooks, boolean tellsOfOneCopy) {
    TopologyFeed feed = TopologyFeed.of(topology, options);
    Transport.Factory kafka =
        (name, primary, view, listener) ->
            new KafkaTransport(
                name,
                view.topic(),
                () -> ProducerConfigs.of(name, primary, view.partitions(), options),
                listener);
    try {
      PrismEngine engine = new PrismEngine(stream, options, feed, kafka, hooks);
      engine.start(tellsOfOneCopy);
      return engine;
    } catch (RuntimeException e) {
      feed.close();
      throw e;
    }
  }

  void start(boolean tellsOfOneCopy) {
    Topology first = feed.current();
    if (first != null) {
      checkNames(first);
      StreamView wanted = StreamView.of(first, stream);
      if (tellsOfOneCopy && options.degradeAfter() != null && wanted.copies() < 2) {
        // No error: to lower them is how an outage is answered, and writers may restart in it.
        LOG.warn("stream {}: degrade-after does nothing while the topology wants one copy", stream);
      }
      apply(wanted, clock.now());
    }
    feed.onChange(topology -> events.add(now -> follow(topology, now)));
    clock.start();
  }

  /**
   * A home that is drained or removed is no error: engines start and go on with the others. Nor is
   * a weight of who is not there: a primary may get it before it joins and keep it when it goes.
   */
  private void checkNames(Topology first) {
    Set<String> known = first.groupOf(stream).primaries().keySet();
    if (!options.home().isEmpty() && !known.contains(options.home())) {
      throw new IllegalArgumentException(
          "stream "
              + stream
              + ": there is no home primary '"
              + options.home()
              + "' among "
              + known);
    }
    Set<String> absent = new TreeSet<>(options.weights().keySet());
    absent.removeAll(known);
    if (!absent.isEmpty()) {
      LOG.warn("stream {}: weights of {}, which are not among {}", stream, absent, known);
    }
  }

  /** Whether there is no room, or no primary for what is there; a send is accepted nevertheless. */
  public boolean isFull() {
    return core.isFull();
  }

  /** Whether every send is done or failed. */
  public boolean isIdle() {
    return core.isIdle();
  }

  /** Sends accepted and not ended. */
  public int inFlight() {
    return core.inFlightRecords();
  }

  /**
   * Accepts a record.
   *
   * @param id the same if the same record is sent again, whatever the reason
   * @param version for upserts, higher than any before of the same key; else null
   * @param listener told once how it ends; without one failures go to {@link Failures}
   */
  public void send(
      OutgoingRecord record,
      RecordId id,
      @Nullable RecordVersion version,
      Delivery.@Nullable Listener listener) {
    send(record, id, version, null, listener);
  }

  /** The same for a record that may lack a time: the element's then counts, else the present. */
  void send(
      OutgoingRecord record,
      RecordId id,
      @Nullable RecordVersion version,
      @Nullable Long elementTimeMs,
      Delivery.@Nullable Listener listener) {
    Long time = record.timestampMs() != null ? record.timestampMs() : elementTimeMs;
    // A negative time is Flink's "none", and no broker takes one.
    long timeMs = time == null || time < 0 ? System.currentTimeMillis() : time;
    core.accept(new Send(record, id, version, timeMs, listener), clock.now());
  }

  /** Handles what came back since the last call and what has become due. */
  public void process() {
    woken.set(false);
    long now = clock.now();
    for (Attempt attempt = completions.takeAll(); attempt != null; ) {
      Attempt next = attempt.nextCompleted;
      attempt.nextCompleted = null;
      core.ended(attempt, now);
      attempt = next;
    }
    for (LongConsumer event = events.poll(); event != null; event = events.poll()) {
      event.accept(now);
    }
    if (tickDue) {
      tickDue = false;
      core.hold(holdReason());
      core.tick(now);
      if (lanes.reap()) {
        applyLanes(now);
      }
    }
    core.pump(now);
    throwFailure();
  }

  /** Ends at once; what is in flight is given up without a word. */
  @Override
  public void close() {
    clock.close();
    feed.close();
    List<Lane> all = lanes.all();
    all.forEach(lane -> lane.transport().close());
    long deadline = System.nanoTime() + CLOSE_LIMIT.toNanos();
    try {
      for (Lane lane : all) {
        long left = Math.max(1_000_000, deadline - System.nanoTime());
        lane.transport().awaitClosed(Duration.ofNanos(left));
      }
    } catch (InterruptedException e) {
      // The task is being cancelled; the threads are daemons and end by themselves.
      Thread.currentThread().interrupt();
    }
  }

  private void wake() {
    if (woken.compareAndSet(false, true)) {
      wakeUp.run();
    }
  }

  private void tickSoon() {
    tickDue = true;
    wake();
  }

  private Lanes.LaneEvents laneEvents() {
    return new Lanes.LaneEvents() {
      @Override
      public void ready(Lane lane, String cluster) {
        events.add(now -> core.ready(lane, cluster, now));
        wake();
      }

      @Override
      public void unready(Lane lane, String reason) {
        events.add(now -> core.unready(lane, reason, now));
        wake();
      }
    };
  }

  private void follow(Topology topology, long now) {
    try {
      apply(StreamView.of(topology, stream), now);
    } catch (TopologyException | IllegalStateException e) {
      LOG.error("stream {} goes on with the topology before: {}", stream, e.getMessage());
    }
  }

  private void apply(StreamView newer, long now) {
    view = newer;
    core.hold(holdReason());
    applyLanes(now);
    String home = options.home();
    if (!home.isEmpty() && !newer.primaries().containsKey(home)) {
      LOG.warn(
          "stream {}: home '{}' is no active primary; those are {}",
          stream,
          home,
          newer.primaries().keySet());
    }
  }

  private void applyLanes(long now) {
    StreamView current = view;
    if (current != null) {
      core.setLanes(lanes.apply(current, now, core.knownLanes()), current.copies());
    }
  }

  private @Nullable String holdReason() {
    if (view == null) {
      return "there is no topology document yet";
    }
    Instant fetched = feed.lastFetched();
    if (fetched == null) {
      return "the topology document was never confirmed by its location";
    }
    Duration age = Duration.between(fetched, Instant.now());
    return age.compareTo(options.maxStale()) > 0
        ? "the topology document was last confirmed "
            + age.toSeconds()
            + " s ago, more than max-stale ("
            + options.maxStale().toSeconds()
            + " s)"
        : null;
  }

  private void ended(Send send, boolean superseded, @Nullable RuntimeException error) {
    Delivery.Listener listener = send.listener;
    try {
      if (listener != null) {
        listener.onDone(send.delivery(superseded, error));
      } else if (error != null) {
        // Whoever mends an upsert must know whether its key has a newer version by then.
        failures.failed(send.version == null ? send.record : send.written(), send.id, error);
      } else if (!superseded && send.isShort()) {
        degraded(send);
      }
    } catch (RuntimeException e) {
      // Kept until the engine's own state is consistent again.
      if (failure == null) {
        failure = e;
      }
    }
  }

  private void degraded(Send send) {
    Delivery delivery = send.delivery(false, null);
    if (!failures.degraded(send.written(), delivery)) {
      String id = HexFormat.of().formatHex(delivery.id().toBytes());
      LOG.warn("stream {}: record {}: {}", stream, id, delivery.describeCopies());
    }
  }

  private void throwFailure() {
    RuntimeException first = failure;
    if (first != null) {
      failure = null;
      throw first;
    }
  }

  /** Fine enough for hedges to be on time, coarse enough to cost nothing. */
  private static Duration tickInterval(PrismOptions options) {
    long ms = options.hedgeAfter().toMillis() / 8;
    return Duration.ofMillis(Math.max(5, Math.min(100, ms)));
  }
}
