package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.LoggedText;
import dev.anabranch.testkit.TestProducer;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.testutils.InMemoryReporter;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Two rows of one input: under one id readers keep one of them, and that is told. */
@Timeout(120)
class SqlRepeatedIdsTest {
  // Its own, and not that of other classes: it tells nothing more once one Flink was closed.
  private static final InMemoryReporter METRICS = InMemoryReporter.createWithRetainedMetrics();

  @RegisterExtension static final MiniClusterExtension FLINK = Sql.cluster(withMetrics());

  private static final int INPUTS = 50;

  /** Ids share places in the writers' memory, so that some may be missed. */
  private static final long NOTICED = 40;

  private static final String TOLD = "two rows have one id";

  private static TwoPrimaries primaries;

  @BeforeAll
  static void start() throws Exception {
    primaries = new TwoPrimaries();
  }

  @AfterAll
  static void stop() {
    primaries.close();
  }

  private static Configuration withMetrics() {
    Configuration configuration = new Configuration();
    METRICS.addToConfiguration(configuration);
    return configuration;
  }

  private String streamsOf(String name) {
    primaries.stream(name + "-out");
    TestProducer.write(primaries.a(), primaries.stream(name + "-in"), 2, "a", INPUTS);
    return name;
  }

  private Sql sql(String name) throws Exception {
    return new Sql(primaries.topology())
        .union(
            "source",
            name + "-in",
            "line STRING, id BYTES METADATA FROM 'record-id'",
            "'format' = 'raw'")
        .prism(
            "sink",
            name + "-out",
            "line STRING, input BYTES METADATA FROM 'record-id'",
            "'format' = 'raw', 'job-uid' = 'j'")
        .prism(
            "other_sink",
            name + "-out",
            "line STRING, input BYTES METADATA FROM 'record-id'",
            "'format' = 'raw', 'job-uid' = 'j', 'sink-uid' = 'other'")
        .prism(
            "numbered",
            name + "-out",
            "line STRING, input BYTES METADATA FROM 'record-id', n BIGINT NOT NULL METADATA FROM 'ordinal'",
            "'format' = 'raw', 'job-uid' = 'j'")
        .union("found", name + "-out", "line STRING", "'format' = 'raw'");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "all   ;SELECT 'x' || line, id FROM source UNION ALL SELECT 'y' || line, id FROM source",
        "unnest;SELECT w || line, id FROM source CROSS JOIN UNNEST(ARRAY['x', 'y']) AS t (w)",
      })
  void rowsOfOneInputWithoutAnOrdinalAreTold(String name, String query) throws Exception {
    Sql sql = sql(streamsOf(name));

    Ended ended = run(sql.tables().executeSql("INSERT INTO sink " + query));

    assertThat(sql.rows("SELECT * FROM found")).as("what readers keep").hasSize(INPUTS);
    assertThat(ended.repeated()).isBetween(NOTICED, (long) INPUTS);
    assertThat(ended.log()).containsOnlyOnce(TOLD).contains("ordinal INT METADATA");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "all-n   ;SELECT 'x' || line, id, 0 FROM source UNION ALL SELECT 'y' || line, id, 1 FROM source",
        "unnest-n;SELECT w || line, id, n - 1 FROM source CROSS JOIN UNNEST(ARRAY['x', 'y']) WITH ORDINALITY AS t (w, n)",
      })
  void withAnOrdinalAllAreReadAndNothingIsTold(String name, String query) throws Exception {
    Sql sql = sql(streamsOf(name));

    Ended ended = run(sql.tables().executeSql("INSERT INTO numbered " + query));

    assertThat(sql.rows("SELECT * FROM found")).hasSize(2 * INPUTS);
    assertThat(ended.repeated()).isZero();
    assertThat(ended.log()).doesNotContain(TOLD);
  }

  @Test
  void twoInsertsIntoOneTableAreTold() throws Exception {
    Sql sql = sql(streamsOf("two"));
    StatementSet set = sql.tables().createStatementSet();
    set.addInsertSql("INSERT INTO sink SELECT 'x' || line, id FROM source");
    set.addInsertSql("INSERT INTO sink SELECT 'y' || line, id FROM source");

    Ended ended = run(set.execute());

    assertThat(sql.rows("SELECT * FROM found")).as("what readers keep").hasSize(INPUTS);
    assertThat(ended.repeated()).isBetween(NOTICED, (long) INPUTS);
    assertThat(ended.log()).containsOnlyOnce(TOLD).contains("sink-uid");
  }

  @Test
  void twoInsertsWithNamesOfTheirOwnAreAllRead() throws Exception {
    Sql sql = sql(streamsOf("two-named"));
    StatementSet set = sql.tables().createStatementSet();
    set.addInsertSql("INSERT INTO sink SELECT 'x' || line, id FROM source");
    set.addInsertSql("INSERT INTO other_sink SELECT 'y' || line, id FROM source");

    Ended ended = run(set.execute());

    assertThat(sql.rows("SELECT * FROM found")).hasSize(2 * INPUTS);
    assertThat(ended.repeated()).isZero();
  }

  @Test
  void whatAFailedJobWritesAgainIsNotTold() throws Exception {
    Sql sql = sql(streamsOf("again"));
    sql.env()
        .configure(
            Configuration.fromMap(
                Map.of(
                    "restart-strategy.type", "fixed-delay",
                    "restart-strategy.fixed-delay.attempts", "3",
                    "restart-strategy.fixed-delay.delay", "50 ms",
                    "execution.checkpointing.interval", "1 h")));
    sql.env().setParallelism(1);
    sql.tables().getConfig().set("parallelism.default", "1");
    sql.tables().createTemporarySystemFunction("stumble", Stumble.class);
    Stumble.FAILED.set(false);

    Ended ended =
        run(sql.tables().executeSql("INSERT INTO sink SELECT stumble(line), id FROM source"));

    assertThat(Stumble.FAILED).isTrue();
    assertThat(primaries.read("again-out")).as("written again").hasSizeGreaterThan(INPUTS);
    assertThat(sql.rows("SELECT * FROM found")).hasSize(INPUTS);
    assertThat(ended.repeated()).isZero();
    assertThat(ended.log()).doesNotContain(TOLD);
  }

  /** What a job that has ended told of repeated ids. */
  private record Ended(long repeated, String log) {}

  private static Ended run(TableResult result) throws Exception {
    String log;
    try (LoggedText logged = new LoggedText()) {
      result.await();
      log = logged.soFar();
    }
    String job = result.getJobClient().orElseThrow().getJobID().toHexString();
    long repeated =
        METRICS.getMetricsByGroup().entrySet().stream()
            .filter(group -> job.equals(group.getKey().getAllVariables().get("<job_id>")))
            .flatMap(group -> Stream.ofNullable(group.getValue().get("repeatedIds")))
            .mapToLong(counter -> ((Counter) counter).getCount())
            .sum();
    return new Ended(repeated, log);
  }

  /** Fails once, when most lines have gone through. */
  public static final class Stumble extends ScalarFunction {
    private static final long serialVersionUID = 1L;
    private static final AtomicBoolean FAILED = new AtomicBoolean();

    private int seen;

    public String eval(String line) throws InterruptedException {
      seen++;
      // Rows go out between lines.
      Thread.sleep(20);
      if (seen == INPUTS - 5 && FAILED.compareAndSet(false, true)) {
        throw new IllegalStateException("planted");
      }
      return line;
    }

    @Override
    public boolean isDeterministic() {
      return false;
    }
  }
}
