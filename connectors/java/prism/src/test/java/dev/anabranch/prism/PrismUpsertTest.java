package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordVersion;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Upserts of a job that fails and is restored, on real brokers. */
@Timeout(240)
@Tag("long")
class PrismUpsertTest {
  private static final int KEYS = 50;
  private static final long UPDATES = 60_000;
  private static final AtomicInteger FAILURES = new AtomicInteger();

  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @RegisterExtension static final MiniClusterExtension FLINK = Jobs.cluster();
  @TempDir Path folder;

  @Test
  void versionsGrowWithEachUpdateOfAKeyAlsoOverARestore() throws Exception {
    String stream = BROKERS.stream(4);
    FAILURES.set(0);
    StreamExecutionEnvironment env = Jobs.environment(folder);
    Jobs.restartAtOnce(env);
    env.fromSequence(0, UPDATES - 1)
        .setParallelism(1)
        .map(n -> failOnce(n, UPDATES * 2 / 3))
        .setParallelism(1)
        .sinkTo(
            PrismSink.<Long>builder().topology(BROKERS.topology(folder, stream, 4, 1)).stream(
                    stream)
                .upsert(true)
                .epoch(3)
                .serializer(PrismUpsertTest::update)
                .build());
    env.execute("upserts");
    assertThat(FAILURES).as("the job failed on the way").hasValue(1);
    assertVersionsInOrder(stream);
  }

  /** The last updates of key 0 delete it. */
  private static OutgoingRecord update(long n) {
    byte[] key = Long.toString(n % KEYS).getBytes(StandardCharsets.UTF_8);
    byte[] value = Long.toString(n).getBytes(StandardCharsets.UTF_8);
    boolean delete = n == UPDATES - KEYS;
    return new OutgoingRecord(key, value, n, RawHeader.NONE, null, 0, delete);
  }

  private static long failOnce(long n, long at) throws InterruptedException {
    if (n % 10_000 == 0) {
      // So that checkpoints fall between.
      Thread.sleep(500);
    }
    if (n == at && FAILURES.compareAndSet(0, 1)) {
      throw new IllegalStateException("planted");
    }
    return n;
  }

  private static void assertVersionsInOrder(String stream) {
    Map<String, List<ConsumerRecord<byte[], byte[]>>> byKey = new HashMap<>();
    for (var broker : List.of(BROKERS.a(), BROKERS.b())) {
      Map<String, RecordVersion> last = new HashMap<>();
      for (ConsumerRecord<byte[], byte[]> record : Logs.read(broker, stream)) {
        String key = Logs.text(record.key());
        RecordVersion version = Logs.version(record);
        assertThat(version.epoch()).isEqualTo(3);
        RecordVersion before = last.put(key, version);
        if (before != null) {
          assertThat(version).as("in a log, key %s", key).isGreaterThanOrEqualTo(before);
        }
        byKey.computeIfAbsent(key, absent -> new ArrayList<>()).add(record);
      }
    }
    assertThat(byKey).hasSize(KEYS);
    byKey.forEach(PrismUpsertTest::assertTellsTheTruth);
  }

  /** No version has two values, and the highest has the last value. */
  private static void assertTellsTheTruth(
      String key, List<ConsumerRecord<byte[], byte[]>> records) {
    Map<RecordVersion, String> values = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      String before = values.put(Logs.version(record), Logs.text(record.value()));
      assertThat(before).isIn(null, Logs.text(record.value()));
    }
    ConsumerRecord<byte[], byte[]> truth =
        records.stream().max(Comparator.comparing(Logs::version)).orElseThrow();
    assertThat(Logs.text(truth.value()))
        .isEqualTo(Long.toString(UPDATES - KEYS + Long.parseLong(key)));
    assertThat(Logs.isDelete(truth)).isEqualTo(key.equals("0"));
    assertThat(truth.timestamp()).isEqualTo(UPDATES - KEYS + Long.parseLong(key));
  }
}
