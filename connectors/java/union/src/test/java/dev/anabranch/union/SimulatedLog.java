package dev.anabranch.union;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** One partition as a broker has it: records without gaps in their offsets, and leader epochs. */
final class SimulatedLog {
  /** No answer to a question about an epoch. */
  static final long UNDEFINED = -1;

  /**
   * What is at an offset.
   *
   * @param value null for what no consumer gets to see, such as a transaction marker
   */
  record Kept(long offset, int epoch, long timestampMs, String value) {}

  private final List<Kept> kept = new ArrayList<>();
  private final TreeMap<Integer, Long> epochs = new TreeMap<>();
  private long start;
  private int epoch;
  private boolean led = true;

  SimulatedLog() {
    epochs.put(0, 0L);
  }

  long start() {
    return start;
  }

  long end() {
    return start + kept.size();
  }

  /** Whether it has a leader that answers. */
  boolean isLed() {
    return led;
  }

  void led(boolean now) {
    led = now;
  }

  int epoch() {
    return epoch;
  }

  void append(String value, long timestampMs) {
    kept.add(new Kept(end(), epoch, timestampMs, value));
  }

  /** Deletes what is before an offset, as retention does. */
  void trim(long before) {
    int gone = (int) (Math.min(before, end()) - start);
    if (gone > 0) {
      kept.subList(0, gone).clear();
      start += gone;
      // As Kafka does: the epoch that the new start is in begins there.
      Map.Entry<Integer, Long> at = floor(start);
      epochs.headMap(at.getKey(), false).clear();
      epochs.put(at.getKey(), start);
    }
  }

  /** Another leader takes over, whose log ends at that offset. */
  void elect(long cut) {
    long to = Math.max(start, Math.min(cut, end()));
    kept.subList((int) (to - start), kept.size()).clear();
    epoch++;
    epochs.values().removeIf(begin -> begin >= to);
    epochs.put(epoch, to);
  }

  private Map.Entry<Integer, Long> floor(long offset) {
    Map.Entry<Integer, Long> found = epochs.firstEntry();
    for (Map.Entry<Integer, Long> each : epochs.entrySet()) {
      if (each.getValue() <= offset) {
        found = each;
      }
    }
    return found;
  }

  /** Where an epoch ends, as a leader answers it to a consumer. */
  long endOf(int asked) {
    if (asked == epoch) {
      return end();
    }
    Map.Entry<Integer, Long> higher = epochs.higherEntry(asked);
    return higher == null ? UNDEFINED : higher.getValue();
  }

  /** The newest epoch of the log that is not above that one, as a leader answers it. */
  int epochUpTo(int asked) {
    Integer found = epochs.floorKey(asked);
    return found == null ? UnionSplit.NO_EPOCH : found;
  }

  /** What is from an offset on, at most so many. */
  List<Kept> read(long from, int limit) {
    int first = (int) (from - start);
    return List.copyOf(kept.subList(first, Math.min(kept.size(), first + limit)));
  }

  /** The first offset of that time or later, or -1. */
  long atTime(long timestampMs) {
    return kept.stream()
        .filter(each -> each.timestampMs() >= timestampMs)
        .mapToLong(Kept::offset)
        .findFirst()
        .orElse(-1);
  }
}
