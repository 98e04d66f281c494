package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The sink in a Flink job on real brokers. */
@Timeout(180)
class PrismSinkTest {
  private static final int RECORDS = 300_000;

  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();

  @RegisterExtension
  static final MiniClusterExtension FLINK =
      new MiniClusterExtension(
          new MiniClusterResourceConfiguration.Builder()
              .setNumberTaskManagers(1)
              .setNumberSlotsPerTaskManager(2)
              .build());

  @TempDir Path folder;

  @Test
  void writesEverythingWhileAPrimaryIsKilled() throws Exception {
    String stream = BROKERS.stream(2);
    StreamExecutionEnvironment env = environment();
    env.fromSequence(0, RECORDS - 1)
        .sinkTo(
            sink(stream)
                .serializer(
                    n -> {
                      byte[] value = Long.toString(n).getBytes(StandardCharsets.UTF_8);
                      return OutgoingRecord.of(value).withInputId(RecordId.supplied("in", n));
                    })
                .jobUid("job")
                .sinkUid("sink")
                .build());
    JobClient job = env.executeAsync("kill");
    try {
      Await.until(() -> hasRecords(stream), Duration.ofSeconds(60));
      BROKERS.a().kill();
      job.getJobExecutionResult().get();
    } finally {
      BROKERS.a().restart();
    }

    Set<Long> found = new HashSet<>();
    for (ConsumerRecord<byte[], byte[]> record : BROKERS.readBoth(stream)) {
      long n = Long.parseLong(Logs.text(record.value()));
      RecordId input = RecordId.supplied("in", n);
      assertThat(Logs.id(record)).isEqualTo(RecordId.derived(input, "job", "sink", 0));
      found.add(n);
    }
    assertThat(found).hasSize(RECORDS);
  }

  @Test
  void maxBlockMustBeLessThanTheCheckpointTimeout() {
    StreamExecutionEnvironment env = environment();
    env.getCheckpointConfig().setCheckpointTimeout(30_000);
    env.fromSequence(0, 1)
        .sinkTo(
            sink("any")
                .serializer(n -> OutgoingRecord.of(new byte[0]))
                .recordId(RecordIdMode.NONE)
                .build());
    assertThatThrownBy(env::execute)
        .hasStackTraceContaining(
            "max-block (60000 ms) must be less than execution.checkpointing.timeout (30000 ms)");
  }

  private static boolean hasRecords(String stream) {
    return Logs.read(BROKERS.a(), stream).size() > 1_000;
  }

  private PrismSinkBuilder<Long> sink(String stream) {
    return PrismSink.<Long>builder().topology(BROKERS.topology(folder, stream, 2, 1)).stream(stream)
        .options(PrismOptions.defaults());
  }

  private StreamExecutionEnvironment environment() {
    Configuration config = new Configuration();
    config.set(
        CheckpointingOptions.CHECKPOINTS_DIRECTORY, folder.resolve("chk").toUri().toString());
    config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);
    env.setParallelism(2);
    return env;
  }
}
