package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.table.functions.FunctionContext;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * An aggregate with mini-batches whose job fails a hundred times between what it has emitted and
 * the checkpoint of it, at drawn places, a primary's death among them: who keeps the highest
 * version of each key has what the input adds up to.
 */
@Timeout(600)
@Tag("long")
class SqlUpsertKillsTest extends OnTwoPrimaries {
  private static final long SEED = 20_261_130;
  private static final int FAILURES = 100;
  private static final int LINES = 150_000;
  private static final int KEYS = 50;

  @Test
  void theHighestVersionIsWhatTheInputAddsUpTo() throws Exception {
    String lines = primaries.stream("lines");
    String totals = primaries.stream("totals");
    TestProducer.write(primaries.a(), lines, 2, "a", LINES);
    TestProducer.write(primaries.b(), lines, 2, "b", LINES);
    Stumble.draw(new Random(SEED), FAILURES);

    JobClient job = start(lines, totals);
    awaitFailures(FAILURES / 3);
    primaries.b().kill();
    awaitFailures(FAILURES / 2);
    primaries.b().restart();
    job.getJobExecutionResult().get(400, TimeUnit.SECONDS);

    assertThat(Stumble.LEFT).as("failures that have not come").isEmpty();
    assertThat(Stumble.restores()).as("failures of the job").isGreaterThan(FAILURES / 2);
    Map<String, ConsumerRecord<byte[], byte[]>> newest = new TreeMap<>();
    Map<String, String> contents = new HashMap<>();
    for (LocalBroker broker : List.of(primaries.a(), primaries.b())) {
      Map<String, RecordVersion> last = new HashMap<>();
      for (ConsumerRecord<byte[], byte[]> record : primaries.read(broker, totals)) {
        String key = new String(record.key(), UTF_8);
        RecordVersion before = last.put(record.partition() + key, version(record));
        assertThat(before == null || before.compareTo(version(record)) <= 0)
            .as("versions of %s on %s grow", key, broker.name())
            .isTrue();
        String content = content(record);
        assertThat(contents.merge(key + version(record), content, (old, now) -> old))
            .as("what a version of %s says", key)
            .isEqualTo(content);
        newest.merge(
            key,
            record,
            (one, other) ->
                Comparator.comparing(SqlUpsertKillsTest::version).compare(one, other) >= 0
                    ? one
                    : other);
      }
    }
    Map<String, String> drained =
        newest.entrySet().stream()
            .filter(entry -> !content(entry.getValue()).equals("deleted"))
            .collect(Collectors.toMap(Map.Entry::getKey, entry -> content(entry.getValue())));
    assertThat(drained).isEqualTo(expected());
  }

  /** Counts and sums by key; those whose count is a multiple of 7 are not there. */
  private static JobClient start(String lines, String totals) throws Exception {
    Sql sql =
        new Sql(primaries.topology())
            .union("source", lines, "line STRING", "'format' = 'raw', 'dedup' = 'false'")
            .prism(
                "sink",
                totals,
                "k BIGINT, lines BIGINT, total BIGINT, PRIMARY KEY (k) NOT ENFORCED",
                "'format' = 'json'");
    sql.env()
        .configure(
            Configuration.fromMap(
                Map.of(
                    "restart-strategy.type", "fixed-delay",
                    "restart-strategy.fixed-delay.attempts", "100000",
                    "restart-strategy.fixed-delay.delay", "50 ms")));
    sql.tables().getConfig().set("table.exec.mini-batch.enabled", "true");
    sql.tables().getConfig().set("table.exec.mini-batch.allow-latency", "100 ms");
    sql.tables().getConfig().set("table.exec.mini-batch.size", "1000");
    sql.tables().createTemporarySystemFunction("stumble", Stumble.class);
    return sql.tables()
        .executeSql(
            "INSERT INTO sink SELECT MOD(n, %d), COUNT(*), SUM(n)".formatted(KEYS)
                + " FROM (SELECT CAST(SUBSTRING(stumble(line) FROM 2) AS BIGINT) AS n FROM source)"
                + " GROUP BY MOD(n, %d) HAVING MOD(COUNT(*), 7) <> 0".formatted(KEYS))
        .getJobClient()
        .orElseThrow();
  }

  private static Map<String, String> expected() {
    long[] counts = new long[KEYS];
    long[] sums = new long[KEYS];
    for (int n = 0; n < LINES; n++) {
      counts[n % KEYS] += 2;
      sums[n % KEYS] += 2L * n;
    }
    Map<String, String> expected = new TreeMap<>();
    for (int k = 0; k < KEYS; k++) {
      if (counts[k] % 7 != 0) {
        expected.put(
            "{\"k\":%d}".formatted(k),
            "{\"k\":%d,\"lines\":%d,\"total\":%d}".formatted(k, counts[k], sums[k]));
      }
    }
    return expected;
  }

  private static void awaitFailures(int count) throws Exception {
    Await.until(() -> Stumble.LEFT.size() <= FAILURES - count, Duration.ofSeconds(300));
  }

  private static RecordVersion version(ConsumerRecord<byte[], byte[]> record) {
    return RecordVersion.fromBytes(record.headers().lastHeader(RecordHeaders.VERSION).value());
  }

  private static String content(ConsumerRecord<byte[], byte[]> record) {
    Header op = record.headers().lastHeader(RecordHeaders.OP);
    boolean delete = op != null && Arrays.equals(op.value(), new byte[] {RecordHeaders.OP_DELETE});
    return delete ? "deleted" : new String(record.value(), UTF_8);
  }

  /** Lets lines through, some 5,000 a second a subtask, and fails at each drawn line once. */
  public static final class Stumble extends ScalarFunction {
    private static final long serialVersionUID = 1L;
    private static final Set<String> LEFT = ConcurrentHashMap.newKeySet();
    private static final AtomicInteger OPENED = new AtomicInteger();

    private transient int seen;

    static void draw(Random random, int count) {
      while (LEFT.size() < count) {
        LEFT.add((random.nextBoolean() ? "a" : "b") + random.nextInt(LINES));
      }
    }

    static int restores() {
      return OPENED.get() / 2;
    }

    @Override
    public void open(FunctionContext context) {
      OPENED.incrementAndGet();
    }

    public String eval(String line) throws InterruptedException {
      seen++;
      if (seen % 50 == 0) {
        Thread.sleep(10);
      }
      if (LEFT.remove(line)) {
        throw new IllegalStateException("planted at " + line);
      }
      return line;
    }

    @Override
    public boolean isDeterministic() {
      return false;
    }
  }
}
