package dev.anabranch.union;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Builds a {@link UnionSource}.
 *
 * @param <T> type of the elements
 */
public final class UnionSourceBuilder<T> {
  private @Nullable String topology;
  private @Nullable String stream;
  private StartPosition start = StartPosition.earliest();
  private StopPosition stop = StopPosition.never();
  private final Map<String, StartPosition> ownStarts = new TreeMap<>();
  private final Map<String, StopPosition> ownStops = new TreeMap<>();
  private OutOfRangePolicy outOfRange = OutOfRangePolicy.RESET;
  private @Nullable String groupId;
  private Duration topologyInterval = Duration.ofSeconds(10);
  private Duration discoveryInterval = Duration.ofSeconds(10);
  private Duration boundedDeadline = Duration.ofMinutes(10);
  private final Map<String, String> consumerProperties = new HashMap<>();
  private WatermarkMode watermarkMode = WatermarkMode.strategy();
  private FetcherFaults faults = FetcherFaults.NONE;
  private @Nullable RecordDeserializer<T> deserializer;

  UnionSourceBuilder() {}

  /** Path or URI of the topology document. */
  public UnionSourceBuilder<T> topology(String location) {
    topology = location;
    return this;
  }

  /** Name of the stream to read. */
  public UnionSourceBuilder<T> stream(String name) {
    stream = name;
    return this;
  }

  /** Where to begin; earliest unless given. */
  public UnionSourceBuilder<T> start(StartPosition position) {
    start = position;
    return this;
  }

  /**
   * Where to begin on one primary; {@link #start(StartPosition)} holds for the others.
   *
   * <p>Like the general one it is for the job's first document: without a primary of that name in
   * the stream's group there, the job fails at its start. It says nothing to a primary that is
   * added later, which is read from its earliest offset, nor to a restored job, which goes on where
   * it was.
   *
   * @param primary its name in the topology document
   */
  public UnionSourceBuilder<T> start(String primary, StartPosition position) {
    ownStarts.put(primary, position);
    return this;
  }

  /** Where to stop; a job with a stop position is bounded. */
  public UnionSourceBuilder<T> stop(StopPosition position) {
    stop = position;
    return this;
  }

  /**
   * Where to stop on one primary; {@link #stop(StopPosition)} holds for the others.
   *
   * <p>A job is bounded or it is not: {@link #build} refuses a stop for one primary where the
   * general position is {@link StopPosition#never()}, and the reverse. Without a primary of that
   * name in the job's first document, the job fails at its start.
   *
   * @param primary its name in the topology document
   */
  public UnionSourceBuilder<T> stop(String primary, StopPosition position) {
    ownStops.put(primary, position);
    return this;
  }

  /** What happens when unread records are gone; {@link OutOfRangePolicy#RESET} unless given. */
  public UnionSourceBuilder<T> outOfRange(OutOfRangePolicy policy) {
    outOfRange = policy;
    return this;
  }

  /**
   * The consumer group whose committed offsets are read, and to which offsets are committed at
   * checkpoints for lag tools. The job never restores from them.
   */
  public UnionSourceBuilder<T> groupId(@Nullable String group) {
    groupId = group;
    return this;
  }

  /** How often the topology document is looked at; 10 s unless given. */
  public UnionSourceBuilder<T> topologyInterval(Duration interval) {
    topologyInterval = interval;
    return this;
  }

  /** How often each primary is asked for new partitions; 10 s unless given. */
  public UnionSourceBuilder<T> discoveryInterval(Duration interval) {
    discoveryInterval = interval;
    return this;
  }

  /**
   * How long a bounded job waits for a primary that does not answer, or for a log that brings
   * nothing more, before it fails and names it; 10 min unless given.
   */
  public UnionSourceBuilder<T> boundedDeadline(Duration deadline) {
    boundedDeadline = deadline;
    return this;
  }

  /**
   * What the watermark does while a primary cannot be read; {@link WatermarkMode#strategy()} unless
   * given. The others need a strategy that makes watermarks, and that has no idleness of its own.
   */
  public UnionSourceBuilder<T> watermarkMode(WatermarkMode mode) {
    watermarkMode = mode;
    return this;
  }

  /**
   * Sets a property of the Kafka consumers, such as {@code fetch.max.bytes}. {@link #build} refuses
   * those on which the source's promises rest.
   */
  public UnionSourceBuilder<T> consumerProperty(String name, String value) {
    consumerProperties.put(name, value);
    return this;
  }

  /** What turns records into elements; decides the type of the source. */
  @SuppressWarnings("unchecked") // A builder has no elements yet.
  public <N> UnionSourceBuilder<N> deserializer(RecordDeserializer<N> next) {
    UnionSourceBuilder<N> typed = (UnionSourceBuilder<N>) this;
    typed.deserializer = next;
    return typed;
  }

  UnionSourceBuilder<T> faults(FetcherFaults injected) {
    faults = injected;
    return this;
  }

  /**
   * Makes the source; throws {@link NullPointerException} naming what is missing, and {@link
   * IllegalArgumentException} where positions do not go together or a consumer property is the
   * source's own.
   */
  public UnionSource<T> build() {
    ConsumerConfigs.check(consumerProperties.keySet());
    ownStops.forEach(this::requireSameBoundedness);
    if (needsGroup() && groupId == null) {
      throw new IllegalArgumentException("committed offsets need a groupId");
    }
    return new UnionSource<>(
        new UnionSettings(
            Objects.requireNonNull(topology, "topology"),
            Objects.requireNonNull(stream, "stream"),
            new PerPrimary<>(start, ownStarts),
            new PerPrimary<>(stop, ownStops),
            outOfRange,
            groupId,
            topologyInterval,
            discoveryInterval,
            boundedDeadline,
            consumerProperties,
            watermarkMode,
            faults),
        Objects.requireNonNull(deserializer, "deserializer"));
  }

  private boolean needsGroup() {
    return Stream.concat(Stream.of(start), ownStarts.values().stream())
            .anyMatch(each -> each.kind() == StartPosition.Kind.COMMITTED)
        || Stream.concat(Stream.of(stop), ownStops.values().stream())
            .anyMatch(each -> each.kind() == StopPosition.Kind.COMMITTED);
  }

  /** A source ends on all primaries or on none: Flink plans a job as bounded or unbounded. */
  private void requireSameBoundedness(String primary, StopPosition own) {
    if (own.isBounded() != stop.isBounded()) {
      throw new IllegalArgumentException(
          own.isBounded()
              ? "primary "
                  + primary
                  + " has a stop position and the others have none: give one for all, stop(...),"
                  + " or take this one away"
              : "primary "
                  + primary
                  + " never stops and the others do: give it a stop position, or take away that"
                  + " of the others");
    }
  }
}
