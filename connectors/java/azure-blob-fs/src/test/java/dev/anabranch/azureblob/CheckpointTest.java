package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
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
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.plugin.PluginUtils;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.Collector;
import org.apache.flink.util.WrappingProxy;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A job with RocksDB whose incremental checkpoints and savepoints go through the plugin, and which
 * is restored from each. Every value must find exactly the count that those before it left.
 */
@Timeout(110)
class CheckpointTest {
  private static final int KEYS = 200;

  /** Values that were counted, and those that found a count from before the restore. */
  private static final AtomicLong COUNTED = new AtomicLong();

  private static final AtomicLong RESTORED = new AtomicLong();

  @RegisterExtension
  static final MiniClusterExtension FLINK =
      new MiniClusterExtension(
          new MiniClusterResourceConfiguration.Builder()
              .setNumberTaskManagers(1)
              .setNumberSlotsPerTaskManager(1)
              .build());

  private final Path base = new Path(Cloud.get().location(), "job-" + UUID.randomUUID());

  @BeforeAll
  static void loadThePlugin() throws Exception {
    Configuration options = Cloud.get().options();
    FileSystem.initialize(options, PluginUtils.createPluginManagerFromRootFolder(options));
    FileSystem files = FileSystem.getUnguardedFileSystem(new Path(Cloud.get().location()).toUri());
    assertThat(((WrappingProxy<?>) files).getWrappedDelegate().getClass().getClassLoader())
        .isNotSameAs(CheckpointTest.class.getClassLoader());
  }

  @Test
  void isRestoredFromSavepointsAndFromIncrementalCheckpoints() throws Exception {
    JobClient first = start(null);
    await(() -> checkpoints() >= 2);
    await(() -> COUNTED.get() > 10 * KEYS);
    String canonical = stop(first, SavepointFormatType.CANONICAL);

    assertThat(sharedFiles()).as("files of RocksDB in incremental checkpoints").isPositive();

    JobClient second = start(canonical);
    await(() -> RESTORED.get() == KEYS);
    String nativeForm = stop(second, SavepointFormatType.NATIVE);

    JobClient third = start(nativeForm);
    await(() -> RESTORED.get() == KEYS);
    int before = checkpoints();
    await(() -> checkpoints() >= before + 1);
    third.cancel().get();
    await(() -> third.getJobStatus().get() == JobStatus.CANCELED);

    JobClient fourth = start(newestCheckpoint());
    await(() -> RESTORED.get() == KEYS);
    assertThat(fourth.getJobStatus().get()).isEqualTo(JobStatus.RUNNING);
    fourth.cancel().get();
  }

  private JobClient start(String restore) throws Exception {
    COUNTED.set(0);
    RESTORED.set(0);
    Configuration options = new Configuration();
    options.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    options.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    options.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(300));
    options.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, base + "/checkpoints");
    options.set(CheckpointingOptions.SAVEPOINT_DIRECTORY, base + "/savepoints");
    options.set(
        CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
        ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    // Small state would otherwise go into the metadata, and nothing be written by itself.
    options.set(CheckpointingOptions.FS_SMALL_FILE_THRESHOLD, MemorySize.ZERO);
    options.set(CheckpointingOptions.MAX_RETAINED_CHECKPOINTS, 3);
    options.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
    if (restore != null) {
      options.set(StateRecoveryOptions.SAVEPOINT_PATH, restore);
    }
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(options);
    env.setParallelism(1);
    env.fromSequence(0, Long.MAX_VALUE)
        .uid("numbers")
        .keyBy(value -> value % KEYS)
        .process(new Count())
        .uid("count")
        .sinkTo(new DiscardingSink<>());
    return env.executeAsync();
  }

  private String stop(JobClient job, SavepointFormatType format) throws Exception {
    String path = job.stopWithSavepoint(false, base + "/savepoints", format).get();
    assertThat(FileSystem.get(base.toUri()).exists(new Path(path, "_metadata"))).isTrue();
    return path;
  }

  private int checkpoints() throws Exception {
    return completed().size();
  }

  private int sharedFiles() throws Exception {
    FileSystem files = FileSystem.get(base.toUri());
    int found = 0;
    for (FileStatus job : files.listStatus(new Path(base, "checkpoints"))) {
      found += files.listStatus(new Path(job.getPath(), "shared")).length;
    }
    return found;
  }

  private String newestCheckpoint() throws Exception {
    return completed().stream()
        .max(Comparator.comparingLong(FileStatus::getModificationTime))
        .orElseThrow()
        .getPath()
        .getParent()
        .toString();
  }

  /** The metadata of all completed checkpoints of all runs. */
  private List<FileStatus> completed() throws Exception {
    FileSystem files = FileSystem.get(base.toUri());
    List<FileStatus> found = new ArrayList<>();
    for (FileStatus job : files.listStatus(new Path(base, "checkpoints"))) {
      for (FileStatus checkpoint : files.listStatus(job.getPath())) {
        for (FileStatus file : files.listStatus(checkpoint.getPath())) {
          if (file.getPath().getName().equals("_metadata")) {
            found.add(file);
          }
        }
      }
    }
    return found;
  }

  private static void await(Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!condition.call()) {
      assertThat(System.nanoTime()).as("within a minute").isLessThan(deadline);
      Thread.sleep(50);
    }
  }

  /** Fails unless the values of a key come in order, and each one exactly once. */
  private static final class Count extends KeyedProcessFunction<Long, Long, Long> {
    private static final long serialVersionUID = 1;
    private transient ValueState<Long> count;
    private transient boolean[] seen;

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
        Thread.sleep(5); // slow enough that numbers stay small
      }
      out.collect(found);
    }
  }
}
