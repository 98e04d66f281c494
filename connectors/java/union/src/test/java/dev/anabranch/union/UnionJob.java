package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.jspecify.annotations.Nullable;

/** A running job of a test: source, tally in Flink's state, nothing behind it. */
final class UnionJob {
  /** Generous: the machine may be busy with other things. */
  private static final Duration LIMIT = Duration.ofSeconds(180);

  /** Long on a busy machine, and less than the 30 s that a client waits for an answer. */
  private static final Duration UNHINDERED = Duration.ofSeconds(20);

  private final String test;
  private final Path directory;
  private final JobClient client;
  private List<String> awaited = List.of();

  private UnionJob(String test, Path directory, JobClient client) {
    this.test = test;
    this.directory = directory;
    this.client = client;
  }

  /** Submits a job, from a savepoint if one is given. */
  static UnionJob start(
      String test,
      UnionSource<RawRecord> source,
      int parallelism,
      Path directory,
      @Nullable String savepoint)
      throws Exception {
    return start(
        test,
        source,
        parallelism,
        directory,
        savepoint,
        WatermarkStrategy.noWatermarks(),
        records -> records.sinkTo(new DiscardingSink<>()));
  }

  /**
   * The same, with watermarks.
   *
   * @param behind what is to be done with the records
   */
  static UnionJob start(
      String test,
      UnionSource<RawRecord> source,
      int parallelism,
      Path directory,
      @Nullable String savepoint,
      WatermarkStrategy<RawRecord> watermarks,
      Consumer<SingleOutputStreamOperator<RawRecord>> behind)
      throws Exception {
    Tally.forget(test);
    Configuration configuration = new Configuration();
    configuration.set(
        CheckpointingOptions.CHECKPOINTS_DIRECTORY,
        directory.resolve("checkpoints").toUri().toString());
    configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(300));
    configuration.set(
        CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
        ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
    configuration.set(
        RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(100));
    if (savepoint != null) {
      configuration.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
    }
    StreamExecutionEnvironment env = UnionFixture.environment(configuration, parallelism);
    behind.accept(
        env.fromSource(source, watermarks, "union")
            .uid("union")
            .map(new Tally(test))
            .returns(source.getProducedType())
            .uid("tally"));
    return new UnionJob(test, directory, env.executeAsync(test));
  }

  /** Waits until each of the values has been counted, then checks that each was counted once. */
  void awaitExactly(Collection<String> values) throws Exception {
    awaitExactly(values, LIMIT);
  }

  /** The same of values that no other primary is to hold up, whatever is the matter with it. */
  void awaitUnhindered(Collection<String> values) throws Exception {
    awaitExactly(values, UNHINDERED);
  }

  private void awaitExactly(Collection<String> values, Duration limit) throws Exception {
    awaited = List.copyOf(values);
    Map<String, Integer> expected = new TreeMap<>();
    values.forEach(value -> expected.put(value, 1));
    assertThat(expected)
        .as("values that the test has written, each of its own")
        .hasSameSizeAs(values);
    try {
      awaitCount(values.size(), limit);
    } catch (AssertionError tooLate) {
      // What is missing says more.
      assertThat(new TreeMap<>(Tally.of(test))).isEqualTo(expected);
      throw tooLate;
    }
    assertThat(new TreeMap<>(Tally.of(test))).isEqualTo(expected);
  }

  /** Waits until at least so many different values have been counted. */
  void awaitCount(int count) throws Exception {
    awaitCount(count, LIMIT);
  }

  private void awaitCount(int count, Duration limit) throws Exception {
    Await.until(
        () -> {
          failIfDead();
          return Tally.of(test).size() >= count;
        },
        limit);
  }

  private void failIfDead() throws Exception {
    if (status().isGloballyTerminalState() && status() != JobStatus.FINISHED) {
      client.getJobExecutionResult().get();
    }
  }

  JobStatus status() throws Exception {
    return client.getJobStatus().get(30, TimeUnit.SECONDS);
  }

  /** Waits for a checkpoint that began after this call. */
  void awaitCheckpoint() throws Exception {
    long before = Tally.completedCheckpoint(test);
    Await.until(
        () -> {
          failIfDead();
          return Tally.completedCheckpoint(test) > before + 1;
        },
        LIMIT);
  }

  /** Waits until the enumerator says whether that primary holds the watermark. */
  void awaitHeld(String primary, boolean held) throws Exception {
    Await.until(
        () -> {
          failIfDead();
          List<Gauge<?>> gauges = gauges("primary\\." + primary + "\\.held");
          return !gauges.isEmpty() && sum("primary\\." + primary + "\\.held") == (held ? 1 : 0);
        },
        LIMIT);
  }

  /** Waits until neither readers nor the enumerator reach that primary. */
  void awaitDown(String primary) throws Exception {
    String up = "primary\\." + primary + "\\.up";
    Await.until(() -> !gauges(up).isEmpty() && sum(up) == 0, LIMIT);
  }

  /** Waits until the present outage of that primary has taken so much time. */
  void awaitTimeDown(String primary, long seconds) throws Exception {
    Await.until(() -> seconds == 0 ? timeDown(primary) == 0 : timeDown(primary) >= seconds, LIMIT);
  }

  /** How many seconds that primary has been down in its present outage. */
  long timeDown(String primary) {
    return sum("primary\\." + primary + "\\.timeDownSeconds");
  }

  /** Waits until a reader counts parked splits of that primary. */
  void awaitParked(String primary) throws Exception {
    Await.until(() -> sum("primary\\." + primary + "\\.parked") > 0, LIMIT);
  }

  /** Waits until readers have so many splits. */
  void awaitSplits(int count) throws Exception {
    awaitGauges("KafkaSourceReader\\..*\\.currentOffset", count);
  }

  /** Waits until subtasks have so many splits each, parked ones included, most first. */
  void awaitSplitsOfEach(Integer... counts) throws Exception {
    Await.untilAsserted(() -> assertThat(splitsOfEach()).containsExactly(counts), LIMIT);
  }

  private List<Integer> splitsOfEach() {
    Map<String, Integer> bySubtask = new TreeMap<>();
    UnionFixture.metrics()
        .findMetrics(client.getJobID(), ".*KafkaSourceReader\\..*\\.currentOffset")
        .keySet()
        .forEach(name -> bySubtask.merge(name.split("\\.kafkaCluster\\.")[0], 1, Integer::sum));
    return bySubtask.values().stream().sorted(Comparator.reverseOrder()).toList();
  }

  /** Waits until there are so many gauges of that name. */
  void awaitGauges(String pattern, int count) throws Exception {
    Await.until(() -> gauges(pattern).size() >= count, LIMIT);
  }

  /** The sum of a counter over all subtasks. */
  long count(String pattern) {
    return UnionFixture.metrics().findMetrics(client.getJobID(), ".*" + pattern).values().stream()
        .mapToLong(metric -> ((Counter) metric).getCount())
        .sum();
  }

  /** The sum of a gauge over all subtasks. */
  long sum(String pattern) {
    return gauges(pattern).stream()
        .mapToLong(gauge -> ((Number) gauge.getValue()).longValue())
        .sum();
  }

  private List<Gauge<?>> gauges(String pattern) {
    List<Gauge<?>> gauges = new ArrayList<>();
    UnionFixture.metrics()
        .findMetrics(client.getJobID(), ".*" + pattern)
        .values()
        .forEach(metric -> gauges.add((Gauge<?>) metric));
    return gauges;
  }

  /** Waits for the end of a bounded job. */
  void awaitFinished() throws Exception {
    client.getJobExecutionResult().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  /** Stops the job, checks that it has counted nothing twice, and returns the savepoint's path. */
  String stop() throws Exception {
    String savepoint = stopped();
    assertNothingTwice();
    return savepoint;
  }

  /** Of what the test has awaited, since others may be written more than once. */
  private void assertNothingTwice() {
    Map<String, Integer> counted = Tally.of(test);
    assertThat(awaited).allMatch(value -> counted.getOrDefault(value, 1) == 1);
  }

  private String stopped() throws Exception {
    return client
        .stopWithSavepoint(
            false,
            directory.resolve("savepoints").toUri().toString(),
            SavepointFormatType.CANONICAL)
        .get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  /** Cancels the job if it still runs, and checks that it has counted nothing twice. */
  void cancel() throws Exception {
    if (!status().isGloballyTerminalState()) {
      client.cancel().get(30, TimeUnit.SECONDS);
      Await.until(() -> status().isGloballyTerminalState(), LIMIT);
    }
    assertNothingTwice();
  }
}
