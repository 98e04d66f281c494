package dev.anabranch.union;

import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;

/**
 * One reader's figures of one primary. Gauges count from the splits that are there when they are
 * read; nothing is updated per record but one counter.
 */
final class PrimaryMetrics {
  /** A gauge's value where nothing is known. */
  static final long UNKNOWN = -1;

  private final String name;
  private final Supplier<List<SplitState>> splits;
  private final LongSupplier retentionMs;
  private final Counter records = new SimpleCounter();
  private final Counter lostRecords = new SimpleCounter();
  private final Counter lostRanges = new SimpleCounter();
  private final Counter commitFailures = new SimpleCounter();
  private volatile boolean up;
  private volatile String trouble = "has not answered yet";

  /**
   * @param retentionMs gives how long brokers keep the stream's records, or {@link #UNKNOWN}
   */
  PrimaryMetrics(
      String name, MetricGroup group, Supplier<List<SplitState>> splits, LongSupplier retentionMs) {
    this.name = name;
    this.retentionMs = retentionMs;
    this.splits = splits;
    group.gauge("up", () -> up ? 1 : 0);
    group.gauge("lag", this::lag);
    group.gauge("headroomSeconds", () -> headroomSeconds(System.currentTimeMillis()));
    group.gauge("parked", this::parked);
    group.counter("records", records);
    group.counter("lostRecords", lostRecords);
    group.counter("lostRanges", lostRanges);
    group.counter("commitFailures", commitFailures);
  }

  Counter records() {
    return records;
  }

  /** Counts a loss; a range without a known end counts only as a range. */
  void lost(LossReport loss) {
    lostRanges.inc();
    if (loss.toOffset() != LossReport.UNKNOWN) {
      lostRecords.inc(loss.toOffset() - loss.fromOffset());
    }
  }

  void commitFailed() {
    commitFailures.inc();
  }

  void up(boolean now, String why) {
    up = now;
    trouble = why;
  }

  boolean isUp() {
    return up;
  }

  /** Why it is not up; empty while it is. */
  String trouble() {
    return trouble;
  }

  /** Records that wait, as far as was last seen. */
  long lag() {
    return mine().stream().mapToLong(SplitState::lag).sum();
  }

  /** Records that could be read now. */
  long pending() {
    return up
        ? mine().stream().filter(s -> s.parked().isEmpty()).mapToLong(SplitState::lag).sum()
        : 0;
  }

  private long parked() {
    return mine().stream().filter(split -> !up || !split.parked().isEmpty()).count();
  }

  /**
   * How long retention leaves to read what waits: the time until the record read last would be
   * deleted, for the worst split that waits. All of the retention where nothing waits; unknown
   * while a split that waits has not been read from since the task's start.
   */
  private long headroomSeconds(long nowMs) {
    long retention = retentionMs.getAsLong();
    if (retention == UNKNOWN) {
      return UNKNOWN;
    }
    long least = retention;
    for (SplitState split : mine()) {
      boolean waits = !up || !split.parked().isEmpty() || split.lag() > 0;
      if (waits && split.shownTimestampMs() < 0) {
        return UNKNOWN;
      }
      if (waits) {
        least = Math.min(least, split.shownTimestampMs() + retention - nowMs);
      }
    }
    return Math.max(0, least) / 1000;
  }

  /** Those that are read, or wait for it. */
  private List<SplitState> mine() {
    return splits.get().stream()
        .filter(split -> split.primary().equals(name))
        .filter(split -> !split.isAbandoned() && !split.isShownFinished())
        .toList();
  }
}
