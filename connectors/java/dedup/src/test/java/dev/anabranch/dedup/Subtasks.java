package dev.anabranch.dedup;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordSerializer;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.metrics.groups.AbstractMetricGroup;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.runtime.state.StateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend.PriorityQueueStateType;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.jspecify.annotations.Nullable;

/** All subtasks of one operator, with the exchange before them, checkpoints, and rescaling. */
final class Subtasks implements AutoCloseable {
  /** State backends and places of the timers. */
  enum Backend {
    HEAP,
    ROCKSDB,
    ROCKSDB_TIMERS_ON_HEAP;

    private StateBackend create() {
      if (this == HEAP) {
        return new HashMapStateBackend();
      }
      EmbeddedRocksDBStateBackend rocksDb = new EmbeddedRocksDBStateBackend();
      rocksDb.setPriorityQueueStateType(
          this == ROCKSDB ? PriorityQueueStateType.ROCKSDB : PriorityQueueStateType.HEAP);
      return rocksDb;
    }
  }

  /** The state of all subtasks at one moment. */
  record Checkpoint(OperatorSubtaskState state, int parallelism) {}

  /** What became of a record. */
  enum Fate {
    PASSED,
    DROPPED,
    LATE
  }

  static final int MAX_PARALLELISM = 16;

  private final Backend backend;
  private final Supplier<HorizonOperator> operator;
  private final KeySelector<RawRecord, StateKey> keySelector;
  private final List<KeyedOneInputStreamOperatorTestHarness<StateKey, RawRecord, RawRecord>>
      harnesses = new ArrayList<>();
  private long wallClockMs;
  private long checkpoints;

  Subtasks(
      Backend backend,
      Supplier<HorizonOperator> operator,
      KeySelector<RawRecord, StateKey> keySelector) {
    this.backend = backend;
    this.operator = operator;
    this.keySelector = keySelector;
  }

  static Subtasks dedup(Backend backend, DedupOptions options) {
    return new Subtasks(
        backend, () -> new DedupOperator(options), record -> BlockLayout.keyOf(record.id()));
  }

  static Subtasks latestByVersion(Backend backend, long horizonMs) {
    return new Subtasks(
        backend, () -> new LatestByVersionOperator(horizonMs), new LatestByVersion.HashOfKey());
  }

  /** Stops what runs, as if it had crashed, and starts again from a checkpoint, or from nothing. */
  Subtasks start(int parallelism, @Nullable Checkpoint checkpoint) throws Exception {
    close();
    for (int i = 0; i < parallelism; i++) {
      var harness =
          new KeyedOneInputStreamOperatorTestHarness<>(
              operator.get(),
              keySelector,
              StateKeyTypeInfo.INSTANCE,
              MAX_PARALLELISM,
              parallelism,
              i);
      harness.setStateBackend(backend.create());
      harness.setup(new RawRecordSerializer());
      harness.setProcessingTime(wallClockMs);
      if (checkpoint != null) {
        harness.initializeState(
            AbstractStreamOperatorTestHarness.repartitionOperatorState(
                checkpoint.state(), MAX_PARALLELISM, checkpoint.parallelism(), parallelism, i));
      }
      harness.open();
      harnesses.add(harness);
    }
    return this;
  }

  /** What the brokers' and the workers' clocks say. */
  void wallClock(long nowMs) throws Exception {
    wallClockMs = nowMs;
    for (var harness : harnesses) {
      harness.setProcessingTime(nowMs);
    }
  }

  Fate process(RawRecord record) throws Exception {
    var harness = harnesses.get(subtaskOf(record));
    harness.getOutput().clear();
    var late = harness.getSideOutput(Dedup.LATE);
    int lateBefore = late == null ? 0 : late.size();
    harness.processElement(new StreamRecord<>(record));
    late = harness.getSideOutput(Dedup.LATE);
    if (late != null && late.size() > lateBefore) {
      return Fate.LATE;
    }
    return harness.getOutput().isEmpty() ? Fate.DROPPED : Fate.PASSED;
  }

  /** What the first subtask emitted for the last record. */
  RawRecord lastOutput() {
    return harnesses.get(0).extractOutputValues().get(0);
  }

  int subtaskOf(RawRecord record) throws Exception {
    return KeyGroupRangeAssignment.assignKeyToParallelOperator(
        keySelector.getKey(record), MAX_PARALLELISM, harnesses.size());
  }

  Checkpoint checkpoint() throws Exception {
    long id = ++checkpoints;
    OperatorSubtaskState[] states = new OperatorSubtaskState[harnesses.size()];
    for (int i = 0; i < states.length; i++) {
      harnesses.get(i).prepareSnapshotPreBarrier(id);
      states[i] = harnesses.get(i).snapshot(id, id);
    }
    return new Checkpoint(AbstractStreamOperatorTestHarness.repackageState(states), states.length);
  }

  /** Entries of a state over all subtasks. */
  long entries(String state) {
    long entries = 0;
    for (var harness : harnesses) {
      var keys =
          harness.getOperator().getKeyedStateBackend().getKeys(state, VoidNamespace.INSTANCE);
      try (keys) {
        entries += keys.count();
      }
    }
    return entries;
  }

  /** A counter or gauge of the first subtask, read from where Flink keeps it: it has no getter. */
  long metric(String name) throws ReflectiveOperationException {
    Field field = AbstractMetricGroup.class.getDeclaredField("metrics");
    field.setAccessible(true);
    Object metric =
        ((Map<?, ?>) field.get(harnesses.get(0).getOperator().getMetricGroup())).get(name);
    return metric instanceof Counter counter
        ? counter.getCount()
        : ((Number) ((Gauge<?>) metric).getValue()).longValue();
  }

  int timers() {
    return harnesses.stream().mapToInt(harness -> harness.numEventTimeTimers()).sum();
  }

  @Override
  public void close() {
    for (var harness : harnesses) {
      try {
        harness.close();
      } catch (Exception e) {
        throw new IllegalStateException("a subtask did not close", e);
      }
    }
    harnesses.clear();
  }
}
