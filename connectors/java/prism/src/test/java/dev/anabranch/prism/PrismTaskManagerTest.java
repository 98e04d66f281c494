package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * A TaskManager that is lost after records were acknowledged and before the checkpoint has them.
 */
@Timeout(180)
@Tag("long")
class PrismTaskManagerTest {
  private static final long RECORDS = 4_000;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @RegisterExtension static final MiniClusterExtension FLINK = Jobs.cluster();
  private static final AtomicLong CHECKPOINTS = new AtomicLong();
  @TempDir Path folder;

  /** Some hundred records a second, and how many checkpoints there were. */
  private static final class Steady extends RichMapFunction<Long, Long>
      implements CheckpointListener {
    private static final long serialVersionUID = 1L;

    @Override
    public Long map(Long n) throws InterruptedException {
      Thread.sleep(2);
      return n;
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) {
      CHECKPOINTS.incrementAndGet();
    }
  }

  @Test
  void whatIsWrittenAgainAfterTheRestoreHasTheSameIds(@InjectMiniCluster MiniCluster cluster)
      throws Exception {
    String stream = BROKERS.stream(2);
    CHECKPOINTS.set(0);
    StreamExecutionEnvironment env = Jobs.environment(folder);
    Jobs.restartAtOnce(env);
    Configuration rarely = new Configuration();
    rarely.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(4));
    env.configure(rarely);
    env.fromSequence(0, RECORDS - 1)
        .setParallelism(1)
        .map(new Steady())
        .setParallelism(1)
        .sinkTo(
            PrismSink.<Long>builder().topology(BROKERS.topology(folder, stream, 2, 1)).stream(
                    stream)
                .serializer(
                    n -> OutgoingRecord.of(Ledger.value(n)).withInputId(RecordId.supplied("in", n)))
                .jobUid("job")
                .sinkUid("sink")
                .build());
    JobClient job = env.executeAsync("lost task manager");
    Await.until(() -> CHECKPOINTS.get() > 0, LIMIT);
    int covered = BROKERS.readBoth(stream).size();
    Await.until(() -> BROKERS.readBoth(stream).size() > covered + 300, LIMIT);
    cluster.terminateTaskManager(0).get();
    cluster.startTaskManager();
    job.getJobExecutionResult().get();

    List<RecordId> ids = BROKERS.readBoth(stream).stream().map(Logs::id).toList();
    Set<RecordId> distinct = Set.copyOf(ids);
    assertThat(distinct).hasSize((int) RECORDS);
    assertThat(distinct.stream().map(RecordId::sequence).collect(Collectors.toSet()))
        .hasSize((int) RECORDS);
    assertThat(ids.size())
        .as("what was not in the checkpoint came again")
        .isGreaterThan((int) RECORDS + 250);
  }
}
