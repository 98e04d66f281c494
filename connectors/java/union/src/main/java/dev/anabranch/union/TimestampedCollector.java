package dev.anabranch.union;

import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.util.Collector;
import org.jspecify.annotations.Nullable;

/** Gives what a deserializer collects the timestamp of its record. */
final class TimestampedCollector<T> implements Collector<T> {
  private @Nullable SourceOutput<T> output;
  private long timestampMs;
  private boolean hasTimestamp;

  void output(SourceOutput<T> target) {
    output = target;
  }

  void timestamp(long ms) {
    timestampMs = ms;
    hasTimestamp = true;
  }

  void noTimestamp() {
    hasTimestamp = false;
  }

  @Override
  public void collect(T element) {
    SourceOutput<T> target = output;
    if (target == null) {
      throw new IllegalStateException("a deserializer may only collect while it is called");
    }
    if (hasTimestamp) {
      target.collect(element, timestampMs);
    } else {
      target.collect(element);
    }
  }

  @Override
  public void close() {}
}
