package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.runtime.testutils.InMemoryReporter;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A bounded job whose input ends while a primary, or all of them, fail. */
@Timeout(240)
@Tag("long")
class PrismEndOfInputTest {
  private static final long RECORDS = 4_000;
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final InMemoryReporter METRICS = InMemoryReporter.createWithRetainedMetrics();

  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @RegisterExtension static final MiniClusterExtension FLINK = Jobs.cluster(METRICS);
  private static CountDownLatch halfway = new CountDownLatch(0);
  private static CountDownLatch goesOn = new CountDownLatch(0);
  private static CountDownLatch lastIsRead = new CountDownLatch(0);
  private static volatile long pauseMs;

  @TempDir Path folder;

  private JobClient job;

  @BeforeAll
  static void shareBrokers() {
    EndFault.brokers = BROKERS;
  }

  @AfterEach
  void closeOwn() {
    EndFault.closeOwn();
  }

  @ParameterizedTest
  @EnumSource(EndFault.class)
  void theJobEndsWithEveryRecordWritten(EndFault fault) throws Exception {
    EndFault.stream = fault.newStream(folder);
    CountDownLatch inputEnds = start(fault, PrismOptions.defaults());
    long troubledBefore;
    boolean leftAlone;
    try {
      awaitHalfway(fault);
      troubledBefore = troubled("a");
      fault.begin();
      goesOn.countDown();
      (fault.holdsTheSinkAtABarrier() ? lastIsRead : inputEnds).await();
      fault.assertInForce();
      leftAlone = sum("primary\\.a\\.up") == 0;
      if (fault.endsBeforeTheJob()) {
        assertThat(sum("recordsInFlight")).isPositive();
        assertThat(job.getJobStatus().get()).isEqualTo(JobStatus.RUNNING);
      } else {
        job.getJobExecutionResult().get();
        fault.assertInForce();
      }
    } finally {
      fault.end();
    }
    try {
      job.getJobExecutionResult().get();
    } finally {
      cancel();
    }
    if (fault.isUsedBefore()) {
      // A connection that ends may be noticed before anything is sent over it.
      assertThat(leftAlone || troubled("a") > troubledBefore).as("felt by the writers").isTrue();
    } else {
      assertThat(sum("primary\\.a\\.acknowledged")).isZero();
    }
    fault.assertAfterwards();
    assertAccounted(fault.written(), true);
  }

  @Test
  void allDownForTooLongAfterTheEndFailsTheJobWhichNamesEach() throws Exception {
    EndFault fault = EndFault.ALL_DOWN;
    EndFault.stream = fault.newStream(folder);
    CountDownLatch inputEnds =
        start(fault, PrismOptions.builder().maxBlock(Duration.ofSeconds(10)).build());
    try {
      awaitHalfway(fault);
      fault.begin();
      goesOn.countDown();
      inputEnds.await();
      fault.assertInForce();
      assertThatThrownBy(() -> job.getJobExecutionResult().get())
          .hasStackTraceContaining("DeliveryException: stream " + EndFault.stream)
          .hasStackTraceContaining("undelivered for 10.")
          .hasStackTraceContaining("a: not ready")
          .hasStackTraceContaining("b: not ready");
    } finally {
      fault.end();
      cancel();
    }
    assertAccounted(fault.written(), false);
  }

  @Test
  void aLastRecordThatIsTooLargeFailsTheJobWhichSaysSo() throws Exception {
    EndFault.stream = BROKERS.stream(2);
    StreamExecutionEnvironment env = Jobs.environment(folder);
    env.fromSequence(0, RECORDS - 1)
        .setParallelism(1)
        .sinkTo(
            sink(
                BROKERS.topology(folder, EndFault.stream, 2, 1),
                PrismOptions.defaults(),
                n -> outgoing(n, n == RECORDS - 1 ? incompressible() : Ledger.value(n))));
    job = env.executeAsync("a last record that is too large");
    assertThatThrownBy(() -> job.getJobExecutionResult().get())
        .hasStackTraceContaining("RecordTooLargeException")
        .hasStackTraceContaining("max.request.size");
    // All that is there has the value of its number, so that it is not the large one.
    assertAccounted(List.of(BROKERS.a(), BROKERS.b()), false);
  }

  private CountDownLatch start(EndFault fault, PrismOptions options) throws Exception {
    pauseMs = fault.pauseMs();
    halfway = new CountDownLatch(1);
    goesOn = new CountDownLatch(1);
    lastIsRead = new CountDownLatch(1);
    StreamExecutionEnvironment env = Jobs.environment(folder);
    env.enableCheckpointing(fault.checkpointInterval().toMillis());
    CountDownLatch inputEnds = InputEnd.of(env.getParallelism());
    env.fromSequence(0, RECORDS - 1)
        .setParallelism(1)
        .map(PrismEndOfInputTest::waitHalfway)
        .setParallelism(1)
        .transform("end of input", Types.LONG, new InputEnd())
        .sinkTo(sink(fault.topology(folder), options, n -> outgoing(n, Ledger.value(n))));
    job = env.executeAsync("end of input");
    return inputEnds;
  }

  /** Of every primary that works some records are acknowledged, and it is used for the next. */
  private void awaitHalfway(EndFault fault) throws Exception {
    halfway.await();
    for (String primary : fault.isUsedBefore() ? List.of("a", "b") : List.of("b")) {
      String figures = "primary\\." + primary + "\\.";
      Await.until(
          () -> sum(figures + "acknowledged") > 100 && sum(figures + "breaker") == 0, LIMIT);
    }
  }

  /** Attempts that a primary has failed or left unanswered, by both writers. */
  private long troubled(String primary) {
    return sum("primary\\." + primary + "\\.failed") + sum("primary\\." + primary + "\\.hedged");
  }

  private long sum(String gauge) {
    return METRICS.findMetrics(job.getJobID(), ".*\\." + gauge).values().stream()
        .mapToLong(each -> ((Number) ((Gauge<?>) each).getValue()).longValue())
        .sum();
  }

  private void cancel() throws Exception {
    if (!job.getJobStatus().get().isGloballyTerminalState()) {
      job.cancel().get();
    }
  }

  /**
   * By their ids, the logs hold what was sent, each with its own value, and nothing else; and no
   * fewer records than were acknowledged.
   *
   * @param all whether every record is to be there
   */
  private void assertAccounted(List<LocalBroker> brokers, boolean all) {
    Set<RecordId> found = new HashSet<>();
    long records = 0;
    for (LocalBroker broker : brokers) {
      for (ConsumerRecord<byte[], byte[]> record : Logs.read(broker, EndFault.stream)) {
        RecordId id = Logs.id(record);
        assertThat(record.value()).isEqualTo(Ledger.value(id.sequence()));
        found.add(id);
        records++;
      }
    }
    Set<RecordId> sent =
        LongStream.range(0, RECORDS)
            .mapToObj(n -> RecordId.derived(RecordId.supplied("in", n), "job", "sink", 0))
            .collect(Collectors.toSet());
    assertThat(sent).containsAll(found);
    if (all) {
      assertThat(found).isEqualTo(sent);
    }
    assertThat(sum("primary\\.[ab]\\.acknowledged")).isLessThanOrEqualTo(records);
  }

  private static OutgoingRecord outgoing(long n, byte[] value) {
    return OutgoingRecord.of(value).withInputId(RecordId.supplied("in", n));
  }

  private static byte[] incompressible() {
    byte[] bytes = new byte[2 << 20];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private static PrismSink<Long> sink(
      String topology, PrismOptions options, RecordSerializer<Long> serializer) {
    return PrismSink.<Long>builder().topology(topology).stream(EndFault.stream)
        .serializer(serializer)
        .options(options)
        .jobUid("job")
        .sinkUid("sink")
        .build();
  }

  /** The first half takes its time, so that both primaries get some of it. */
  private static long waitHalfway(long n) throws InterruptedException {
    if (n < RECORDS / 2) {
      Thread.sleep(1);
    } else if (n == RECORDS / 2) {
      halfway.countDown();
      goesOn.await();
    } else if (pauseMs > 0) {
      Thread.sleep(pauseMs);
    }
    if (n == RECORDS - 1) {
      lastIsRead.countDown();
    }
    return n;
  }
}
