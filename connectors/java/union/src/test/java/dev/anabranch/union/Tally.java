package dev.anabranch.union;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.records.RawRecord;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;

/**
 * Counts each value in Flink's state, so that a record lost or read twice over a restore shows. The
 * live counts of a test's current attempts are visible to it by the test's name.
 */
final class Tally extends RichMapFunction<RawRecord, RawRecord>
    implements CheckpointedFunction, CheckpointListener {
  private static final long serialVersionUID = 1L;
  private static final Map<String, Map<Integer, Map<String, Integer>>> LIVE =
      new ConcurrentHashMap<>();

  private static final Map<String, Long> COMPLETED = new ConcurrentHashMap<>();
  private static final Map<String, AtomicInteger> FAIL_AT = new ConcurrentHashMap<>();

  private final String test;
  private transient Map<String, Integer> counts = new ConcurrentHashMap<>();
  private transient boolean hasCheckpoint;
  private transient ListState<Map<String, Integer>> state;

  Tally(String test) {
    this.test = test;
  }

  /** Has the test's job fail once, after that many records and at least one checkpoint. */
  static void failOnceAt(String test, int records) {
    FAIL_AT.put(test, new AtomicInteger(records));
  }

  /** Whether it has failed since. */
  static boolean hasFailed(String test) {
    return !FAIL_AT.containsKey(test);
  }

  /** The id of the test's last completed checkpoint, or 0. */
  static long completedCheckpoint(String test) {
    return COMPLETED.getOrDefault(test, 0L);
  }

  /** The counts of all subtasks together. */
  static Map<String, Integer> of(String test) {
    Map<String, Integer> sum = new HashMap<>();
    LIVE.getOrDefault(test, Map.of())
        .values()
        .forEach(part -> part.forEach((value, count) -> sum.merge(value, count, Integer::sum)));
    return sum;
  }

  /** Forgets a former run, whose subtasks may have been more. */
  static void forget(String test) {
    LIVE.remove(test);
    COMPLETED.remove(test);
  }

  @Override
  public RawRecord map(RawRecord record) {
    AtomicInteger left = FAIL_AT.get(test);
    if (left != null && left.decrementAndGet() <= 0 && hasCheckpoint) {
      FAIL_AT.remove(test);
      throw new IllegalStateException("a failure that the test asked for");
    }
    byte[] value = record.value();
    counts.merge(value == null ? "null" : new String(value, UTF_8), 1, Integer::sum);
    return record;
  }

  @Override
  public void initializeState(FunctionInitializationContext context) throws Exception {
    state =
        context
            .getOperatorStateStore()
            .getListState(new ListStateDescriptor<>("counts", Types.MAP(Types.STRING, Types.INT)));
    counts = new ConcurrentHashMap<>();
    for (Map<String, Integer> part : state.get()) {
      part.forEach((value, count) -> counts.merge(value, count, Integer::sum));
    }
    LIVE.computeIfAbsent(test, any -> new ConcurrentHashMap<>())
        .put(getRuntimeContext().getTaskInfo().getIndexOfThisSubtask(), counts);
  }

  @Override
  public void snapshotState(FunctionSnapshotContext context) throws Exception {
    hasCheckpoint = true;
    state.update(java.util.List.of(new HashMap<>(counts)));
  }

  @Override
  public void notifyCheckpointComplete(long checkpointId) {
    COMPLETED.put(test, checkpointId);
  }
}
