package dev.anabranch.restore;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;
import org.jspecify.annotations.Nullable;

/**
 * Numbers that are counted by key, with state of each key; it fails unless every number finds the
 * count that those before it left. One runs at a time.
 */
final class CountingJob {
  private static final int KEYS = 100;

  /** Keys that found a count from before the start. */
  private static final AtomicLong RESTORED = new AtomicLong();

  private static final AtomicLong COUNTED = new AtomicLong();

  final JobClient client;

  private CountingJob(JobClient client) {
    this.client = client;
  }

  /** Options of a start: state in files of RocksDB, checkpoints below a folder. */
  static Configuration options(Path folder, boolean incremental) {
    Configuration options = new Configuration();
    options.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    options.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, incremental);
    options.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
    options.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, folder.toUri().toString());
    options.set(
        CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
        ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    // Small state would otherwise go into the metadata, and nothing be written by itself.
    options.set(CheckpointingOptions.FS_SMALL_FILE_THRESHOLD, MemorySize.ZERO);
    options.set(CheckpointingOptions.MAX_RETAINED_CHECKPOINTS, 3);
    options.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
    return options;
  }

  static CountingJob start(Configuration options) throws Exception {
    COUNTED.set(0);
    RESTORED.set(0);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(options);
    env.setParallelism(1);
    env.fromSequence(0, Long.MAX_VALUE)
        .uid("numbers")
        .keyBy(value -> value % KEYS)
        .process(new Count())
        .name("count by key")
        .uid("count")
        .sinkTo(new DiscardingSink<>());
    return new CountingJob(env.executeAsync());
  }

  /** Starts from a restore point, and waits until all keys have found their counts. */
  static CountingJob restored(Configuration options, String uri, RecoveryClaimMode mode)
      throws Exception {
    options.set(StateRecoveryOptions.SAVEPOINT_PATH, uri);
    options.set(StateRecoveryOptions.RESTORE_MODE, mode);
    CountingJob job = start(options);
    job.await(() -> RESTORED.get() == KEYS);
    return job;
  }

  void awaitCounts() throws Exception {
    await(() -> COUNTED.get() > 3 * KEYS);
  }

  void cancel() throws Exception {
    client.cancel().get();
    client.getJobExecutionResult().handle((result, canceled) -> result).get();
  }

  void await(Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!condition.call()) {
      assertThat(client.getJobStatus().get()).isNotEqualTo(JobStatus.FAILED);
      assertThat(System.nanoTime()).as("within a minute").isLessThan(deadline);
      Thread.sleep(20);
    }
  }

  private static final class Count extends KeyedProcessFunction<Long, Long, Long> {
    private static final long serialVersionUID = 1;
    private transient @Nullable ValueState<Long> count;
    private transient boolean @Nullable [] seen;

    @Override
    public void open(OpenContext context) {
      count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Long.class));
      seen = new boolean[KEYS];
    }

    @Override
    public void processElement(Long value, Context context, Collector<Long> out) throws Exception {
      Long before = count.value();
      long found = before == null ? 0 : before;
      int key = (int) (value % KEYS);
      if (value != found * KEYS + key) {
        throw new IllegalStateException(value + " found a count of " + found);
      }
      if (!seen[key] && before != null) {
        RESTORED.incrementAndGet();
      }
      seen[key] = true;
      count.update(found + 1);
      COUNTED.incrementAndGet();
      if (key == 0) {
        Thread.sleep(2); // slow enough that numbers stay small
      }
      out.collect(found);
    }
  }
}
