package dev.anabranch.prism;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Builds {@link PrismOptions}; what is not set keeps its default. */
public final class PrismOptionsBuilder {
  private String home = "";
  private final Map<String, Integer> weights = new LinkedHashMap<>();
  private Duration hedgeAfter = Duration.ofMillis(500);
  private Duration maxBlock = Duration.ofSeconds(60);
  private @Nullable Duration degradeAfter;
  // 400,000 a second at 50 ms from send to acknowledgement. More only wait longer, and while they
  // do, the garbage collector moves them and they leave the processor's caches: with 100,000 a
  // writer takes a third more CPU time where brokers are slower than it.
  private int maxInFlightRecords = 20_000;
  private long maxInFlightBytes = 32L << 20;
  private Duration maxStale = Duration.ofHours(24);
  private Duration topologyInterval = Duration.ofSeconds(10);
  private @Nullable String cacheDirectory;
  private final Map<String, String> kafka = new LinkedHashMap<>();

  PrismOptionsBuilder() {}

  public PrismOptionsBuilder home(String home) {
    this.home = home;
    return this;
  }

  public PrismOptionsBuilder weight(String primary, int weight) {
    if (weight < 1) {
      throw new IllegalArgumentException("weight of " + primary + " must be at least 1");
    }
    weights.put(primary, weight);
    return this;
  }

  public PrismOptionsBuilder hedgeAfter(Duration hedgeAfter) {
    this.hedgeAfter = hedgeAfter;
    return this;
  }

  public PrismOptionsBuilder maxBlock(Duration maxBlock) {
    this.maxBlock = maxBlock;
    return this;
  }

  /** Only for streams with two or more copies; null, as it is by default: records wait for all. */
  public PrismOptionsBuilder degradeAfter(@Nullable Duration degradeAfter) {
    this.degradeAfter = degradeAfter;
    return this;
  }

  public PrismOptionsBuilder maxInFlight(int records, long bytes) {
    this.maxInFlightRecords = records;
    this.maxInFlightBytes = bytes;
    return this;
  }

  public PrismOptionsBuilder maxStale(Duration maxStale) {
    this.maxStale = maxStale;
    return this;
  }

  public PrismOptionsBuilder topologyInterval(Duration topologyInterval) {
    this.topologyInterval = topologyInterval;
    return this;
  }

  public PrismOptionsBuilder cacheDirectory(@Nullable String cacheDirectory) {
    this.cacheDirectory = cacheDirectory;
    return this;
  }

  /** A producer property, for example {@code max.request.size}. */
  public PrismOptionsBuilder kafka(String name, String value) {
    kafka.put(name, value);
    return this;
  }

  public PrismOptions build() {
    return new PrismOptions(
        home,
        weights,
        hedgeAfter,
        maxBlock,
        degradeAfter,
        maxInFlightRecords,
        maxInFlightBytes,
        maxStale,
        topologyInterval,
        cacheDirectory,
        kafka);
  }
}
