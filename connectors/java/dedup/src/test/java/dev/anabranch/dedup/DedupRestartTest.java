package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import dev.anabranch.records.RecordId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole job on RocksDB that fails after checkpoints and goes on from the last one. */
@Tag("long")
class DedupRestartTest {
  private static final long IDS = 60_000;
  private static final int FAILURES = 3;
  private static final AtomicInteger FAILED = new AtomicInteger();
  private static final AtomicLong COUNT = new AtomicLong();
  private static final AtomicLong SUM = new AtomicLong();

  @Test
  void everyIdIsCountedOnceOverThreeFailures(@TempDir Path checkpoints) throws Exception {
    Configuration configuration = new Configuration();
    configuration.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    configuration.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints.toUri().toString());
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, FAILURES);
    configuration.set(
        RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(50));
    var env = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
    env.setParallelism(2);
    env.enableCheckpointing(100);
    var records =
        env.fromSequence(0, 2 * IDS - 1)
            .map(DedupRestartTest::record)
            .returns(RawRecordTypeInfo.INSTANCE);
    Dedup.by(records, "restarts", DedupOptions.defaults().withCachedBlocks(4))
        .map(new Tally())
        .setParallelism(1)
        .sinkTo(new DiscardingSink<>());
    env.execute();
    assertThat(FAILED).hasValue(FAILURES);
    assertThat(COUNT).hasValue(IDS);
    assertThat(SUM).hasValue(IDS * (IDS - 1) / 2);
  }

  /** The sequence comes in two halves, one a reader: each id comes once from either. */
  private static RawRecord record(long number) {
    long sequence = number % IDS;
    return Records.of(new RecordId(77, sequence), 1_800_000_000_000L + sequence);
  }

  /** Counts in its state what passes, and fails after the first checkpoint of an attempt. */
  private static final class Tally
      implements MapFunction<RawRecord, Long>, CheckpointedFunction, CheckpointListener {
    private static final long serialVersionUID = 1L;
    private static final int RECORDS_PER_MS = 10;

    private transient ListState<Long> state;
    private transient long count;
    private transient long sum;
    private transient boolean checkpointed;

    @Override
    public Long map(RawRecord record) throws Exception {
      sum += record.id().sequence();
      count++;
      COUNT.set(count);
      SUM.set(sum);
      if (FAILED.get() < FAILURES) {
        if (checkpointed) {
          FAILED.incrementAndGet();
          throw new IllegalStateException("a planned failure");
        }
        if (count % RECORDS_PER_MS == 0) {
          Thread.sleep(1);
        }
      }
      return count;
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) {
      checkpointed = count > 0;
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      state.update(List.of(count, sum));
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      state =
          context
              .getOperatorStateStore()
              .getListState(new ListStateDescriptor<>("tally", LongSerializer.INSTANCE));
      var restored = state.get().iterator();
      if (restored.hasNext()) {
        count = restored.next();
        sum = restored.next();
      }
    }
  }
}
