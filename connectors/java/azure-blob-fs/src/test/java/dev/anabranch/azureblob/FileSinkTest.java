package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.plugin.PluginUtils;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Flink's file sink over the recoverable writer: a job that fails and restarts, twice, in the midst
 * of its files leaves each record in them exactly once.
 */
@Timeout(110)
class FileSinkTest {
  private static final long COUNT = 2_500;
  private static final int FAILURES = 2;
  private static final AtomicInteger FAILED = new AtomicInteger();

  @RegisterExtension
  static final MiniClusterExtension FLINK =
      new MiniClusterExtension(
          new MiniClusterResourceConfiguration.Builder()
              .setNumberTaskManagers(1)
              .setNumberSlotsPerTaskManager(2)
              .build());

  private final Path base = new Path(Cloud.get().location(), "sink-" + UUID.randomUUID());

  @BeforeAll
  static void loadThePlugin() {
    Configuration options = Cloud.get().options();
    FileSystem.initialize(options, PluginUtils.createPluginManagerFromRootFolder(options));
  }

  @Test
  void writesEachRecordOnceThoughTheJobFails() throws Exception {
    Configuration options = new Configuration();
    options.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
    options.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, base + "/checkpoints");
    options.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    options.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, FAILURES);
    options.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ZERO);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(options);
    env.setParallelism(2);
    env.fromSequence(1, COUNT)
        .map(new FailsAfterCheckpoints())
        .sinkTo(
            FileSink.forRowFormat(new Path(base, "out"), new SimpleStringEncoder<String>("UTF-8"))
                .build());
    env.execute();

    assertThat(FAILED.get()).isEqualTo(FAILURES);
    List<Long> written = written();
    assertThat(written).hasSize((int) COUNT);
    assertThat(written)
        .containsExactlyInAnyOrderElementsOf(LongStream.rangeClosed(1, COUNT).boxed().toList());
  }

  private List<Long> written() throws Exception {
    FileSystem files = FileSystem.get(base.toUri());
    List<Long> found = new ArrayList<>();
    for (FileStatus bucket : files.listStatus(new Path(base, "out"))) {
      for (FileStatus file : files.listStatus(bucket.getPath())) {
        String text = new String(Contents.read(files, file.getPath()), StandardCharsets.UTF_8);
        text.lines().map(Long::valueOf).forEach(found::add);
      }
    }
    return found;
  }

  /** Fails some records after a checkpoint, so that files are resumed and records come again. */
  private static final class FailsAfterCheckpoints extends RichMapFunction<Long, String>
      implements CheckpointListener {
    private static final long serialVersionUID = 1;
    private transient int checkpoints;
    private transient int since;

    @Override
    public String map(Long value) throws Exception {
      Thread.sleep(1);
      since++;
      boolean due = checkpoints >= 2 && since > 20;
      if (due && getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0) {
        if (FAILED.get() < FAILURES) {
          FAILED.incrementAndGet();
          throw new IllegalStateException("as the test wants it");
        }
      }
      return value.toString();
    }

    @Override
    public void notifyCheckpointComplete(long id) {
      checkpoints++;
      since = 0;
    }
  }
}
