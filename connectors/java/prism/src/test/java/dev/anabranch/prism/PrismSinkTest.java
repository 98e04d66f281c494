package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.flink.core.execution.JobClient;
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

  @RegisterExtension static final MiniClusterExtension FLINK = Jobs.cluster();

  private static final Queue<RecordException.Reason> HANDLED = new ConcurrentLinkedQueue<>();

  @TempDir Path folder;

  @Test
  void writesEverythingWhileAPrimaryIsKilled() throws Exception {
    String stream = BROKERS.stream(2);
    StreamExecutionEnvironment env = Jobs.environment(folder);
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
    StreamExecutionEnvironment env = Jobs.environment(folder);
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

  @Test
  void recordsThatNoPrimaryTakesGoToTheHandlerAndTheRestIsWritten() throws Exception {
    String stream = BROKERS.stream(2);
    HANDLED.clear();
    StreamExecutionEnvironment env = Jobs.environment(folder);
    env.fromSequence(0, 99)
        .sinkTo(
            sink(stream)
                .recordId(RecordIdMode.NONE)
                .serializer(PrismSinkTest::sometimesBad)
                .onRecordError((element, record, id, error) -> HANDLED.add(error.reason()))
                .build());
    env.execute("bad records");
    assertThat(HANDLED)
        .containsExactlyInAnyOrder(
            RecordException.Reason.NOT_SERIALIZABLE, RecordException.Reason.TOO_LARGE);
    // By id: on a busy machine a record may be hedged, and then both primaries have it.
    assertThat(BROKERS.readBoth(stream).stream().map(Logs::id).distinct()).hasSize(98);
  }

  private static OutgoingRecord sometimesBad(long n) {
    if (n == 13) {
      throw new IllegalArgumentException("planted");
    }
    return OutgoingRecord.of(new byte[n == 14 ? 2 << 20 : 10]);
  }

  @Test
  void allPrimariesDownBeyondMaxBlockFailsTheJobClearly() {
    String stream = BROKERS.newName();
    StreamExecutionEnvironment env = Jobs.environment(folder);
    env.fromSequence(0, 10)
        .sinkTo(
            PrismSink.<Long>builder()
                .topology(TwoBrokers.topology(folder, stream, 1, 1, "127.0.0.1:1", "127.0.0.1:2"))
                .stream(stream)
                .recordId(RecordIdMode.NONE)
                .serializer(n -> OutgoingRecord.of(new byte[1]))
                .options(PrismOptions.builder().maxBlock(Duration.ofSeconds(2)).build())
                .build());
    assertThatThrownBy(env::execute)
        .hasStackTraceContaining("DeliveryException: stream " + stream)
        .hasStackTraceContaining("a: not ready")
        .hasStackTraceContaining("b: not ready");
  }
}
