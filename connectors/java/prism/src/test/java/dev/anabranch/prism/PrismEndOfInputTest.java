package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.LoggedText;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.runtime.testutils.InMemoryReporter;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A bounded job whose input ends while a primary, or all of them, fail. */
@Timeout(180)
@Tag("long")
class PrismEndOfInputTest {
  private static final long RECORDS = 4_000;

  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  private static final InMemoryReporter METRICS = InMemoryReporter.createWithRetainedMetrics();
  @RegisterExtension static final MiniClusterExtension FLINK = Jobs.cluster(METRICS);
  private static CountDownLatch halfway = new CountDownLatch(0);
  private static CountDownLatch goesOn = new CountDownLatch(0);
  private static volatile long pauseMs;
  private static String stream = "";

  /** Instead of broker a, where a test does something to it that another would notice. */
  private static @Nullable LocalBroker own;

  @TempDir Path folder;

  private enum Fault {
    KILLED {
      @Override
      void begin() {
        BROKERS.a().kill();
      }

      @Override
      void end() {
        BROKERS.a().restart();
      }
    },
    PAUSED {
      @Override
      void begin() {
        BROKERS.a().pause();
      }

      @Override
      void end() {
        BROKERS.a().resume();
      }
    },
    BLACK_HOLE {
      @Override
      void begin() {
        BROKERS.a().link().silence();
      }
    },
    SLOW {
      @Override
      void begin() {
        BROKERS.a().link().slow(Duration.ofSeconds(2));
      }
    },
    THROTTLED {
      /** What comes at once is taken at once, and only what follows has to wait. */
      @Override
      void begin() throws Exception {
        pauseMs = 2;
        BROKERS.throttle(BROKERS.a(), 200.0);
      }

      @Override
      void end() throws Exception {
        BROKERS.throttle(BROKERS.a(), null);
      }
    },
    TOPIC_MISSING {
      @Override
      String stream(Path folder) throws Exception {
        String name = BROKERS.newName();
        BROKERS.b().createTopic(name, 2);
        return name;
      }

      @Override
      void begin() {}

      @Override
      void assertMet(Map<String, Long> figures) {
        assertThat(figures).containsEntry("acknowledged", 0L).containsEntry("up", 0L);
      }

      @Override
      List<LocalBroker> readable() {
        return List.of(BROKERS.b());
      }
    },
    TOO_LARGE_FOR_ONE {
      @Override
      void begin() throws Exception {
        limitBatches(BROKERS.a(), 1);
      }
    },
    FORBIDDEN {
      @Override
      String stream(Path folder) throws Exception {
        return ownFirst(Permissions.LOOKED_UP);
      }

      @Override
      void begin() throws Exception {
        Permissions.forbid(first(), stream, AclOperation.WRITE);
      }
    },
    CERTIFICATE_EXPIRED {
      private ExpiredCertificate expired;
      private LoggedText log;

      @Override
      String stream(Path folder) throws Exception {
        expired = new ExpiredCertificate(folder);
        log = new LoggedText();
        return ownFirst(expired.properties());
      }

      @Override
      void begin() throws Exception {
        Await.until(() -> log.soFar().contains("validity check failed"), Duration.ofSeconds(60));
      }

      @Override
      String topology(Path folder) throws Exception {
        String auth =
            "auth: {type: plain, username: alice, password: \"file:%s\", ca: \"file:%s\"}"
                .formatted(expired.password(), expired.authority());
        Path topology = Path.of(super.topology(folder));
        String text = Files.readString(topology);
        Files.writeString(topology, text.replace("a: {", "a: {" + auth + ", "));
        return topology.toString();
      }

      @Override
      void assertMet(Map<String, Long> figures) {
        assertThat(figures).containsEntry("acknowledged", 0L).containsEntry("up", 0L);
      }

      @Override
      List<LocalBroker> readable() {
        return List.of(BROKERS.b());
      }

      @Override
      void end() {
        log.close();
        assertThat(Logs.read(first(), stream)).isEmpty();
      }
    },
    DISK_FULL {
      @Override
      String stream(Path folder) throws Exception {
        return ownFirst(Map.of());
      }

      /** What it has is beyond that already. */
      @Override
      void begin() {
        first().fillDisk(1_000);
      }

      @Override
      void endMeanwhile() throws Exception {
        Await.until(() -> !first().isAlive(), Duration.ofSeconds(60));
      }

      @Override
      void end() {
        first().restart();
      }
    },
    FLAPPING {
      @Override
      void begin() {
        pauseMs = 5;
        BROKERS.a().link().cut();
      }

      /** Longer than the rest of the input. */
      @Override
      void endMeanwhile() throws InterruptedException {
        for (int i = 0; i < 6; i++) {
          Thread.sleep(2_000);
          if (i % 2 == 0) {
            BROKERS.a().link().open();
          } else {
            BROKERS.a().link().cut();
          }
        }
      }
    },
    ALL_DOWN {
      @Override
      void begin() {
        BROKERS.a().link().cut();
        BROKERS.b().link().cut();
      }

      /** The job cannot end before. */
      @Override
      void endMeanwhile() throws InterruptedException {
        Thread.sleep(3_000);
        BROKERS.a().link().open();
      }
    };

    /** A new one. */
    String stream(Path folder) throws Exception {
      return BROKERS.stream(2);
    }

    abstract void begin() throws Exception;

    void endMeanwhile() throws Exception {}

    /** Both primaries, by way of their links. */
    String topology(Path folder) throws Exception {
      return TwoBrokers.topology(
          folder, stream, 2, 1, first().link().bootstrap(), BROKERS.b().link().bootstrap());
    }

    /** Whether the writers felt it, by their figures of primary a when all was written. */
    void assertMet(Map<String, Long> figures) {
      assertThat(figures.get("failed") + figures.get("hedged")).as("%s", figures).isPositive();
    }

    /** Where the records are. */
    List<LocalBroker> readable() {
      return List.of(first(), BROKERS.b());
    }

    void end() throws Exception {
      BROKERS.a().link().open();
      BROKERS.b().link().open();
    }
  }

  @ParameterizedTest
  @EnumSource(Fault.class)
  void theJobEndsWithEveryRecordWritten(Fault fault) throws Exception {
    stream = fault.stream(folder);
    pauseMs = 0;
    halfway = new CountDownLatch(1);
    goesOn = new CountDownLatch(1);
    StreamExecutionEnvironment env = Jobs.environment(folder);
    env.fromSequence(0, RECORDS - 1)
        .setParallelism(1)
        .map(PrismEndOfInputTest::waitHalfway)
        .setParallelism(1)
        .sinkTo(sink(fault.topology(folder), n -> outgoing(n, Ledger.value(n))));
    JobClient job = env.executeAsync("end of input");
    try {
      halfway.await();
      LocalBroker used = fault.readable().get(0);
      Await.until(() -> !Logs.read(used, stream).isEmpty(), Duration.ofSeconds(60));
      fault.begin();
      goesOn.countDown();
      fault.endMeanwhile();
      job.getJobExecutionResult().get();
    } finally {
      fault.end();
      if (!job.getJobStatus().get().isGloballyTerminalState()) {
        job.cancel().get();
      }
    }
    fault.assertMet(figuresOfA(job));
    assertAllWritten(fault.readable());
  }

  /** Of all writers together, as they were at the end. */
  private static Map<String, Long> figuresOfA(JobClient job) {
    Map<String, Long> sums = new TreeMap<>();
    METRICS
        .getMetricsByGroup()
        .forEach(
            (group, metrics) -> {
              Map<String, String> variables = group.getAllVariables();
              if (job.getJobID().toString().equals(variables.get("<job_id>"))
                  && "a".equals(variables.get("<primary>"))) {
                metrics.forEach(
                    (name, metric) -> {
                      if (metric instanceof Gauge<?> gauge
                          && gauge.getValue() instanceof Number value) {
                        sums.merge(name, value.longValue(), Long::sum);
                      }
                    });
              }
            });
    return sums;
  }

  @Test
  void aLastRecordThatIsTooLargeFailsTheJobWhichSaysSo() throws Exception {
    stream = BROKERS.stream(2);
    StreamExecutionEnvironment env = Jobs.environment(folder);
    env.fromSequence(0, RECORDS - 1)
        .setParallelism(1)
        .sinkTo(
            sink(
                BROKERS.topology(folder, stream, 2, 1),
                n -> outgoing(n, n == RECORDS - 1 ? incompressible() : Ledger.value(n))));
    JobClient job = env.executeAsync("a last record that is too large");
    assertThatThrownBy(() -> job.getJobExecutionResult().get())
        .hasStackTraceContaining("RecordTooLargeException")
        .hasStackTraceContaining("max.request.size");
  }

  private static void assertAllWritten(List<LocalBroker> brokers) {
    Set<RecordId> found = new HashSet<>();
    for (LocalBroker broker : brokers) {
      for (ConsumerRecord<byte[], byte[]> record : Logs.read(broker, stream)) {
        RecordId id = Logs.id(record);
        assertThat(record.value()).isEqualTo(Ledger.value(id.sequence()));
        found.add(id);
      }
    }
    assertThat(found).hasSize((int) RECORDS);
  }

  private static OutgoingRecord outgoing(long n, byte[] value) {
    return OutgoingRecord.of(value).withInputId(RecordId.supplied("in", n));
  }

  private static byte[] incompressible() {
    byte[] bytes = new byte[2 << 20];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private static LocalBroker first() {
    return own != null ? own : BROKERS.a();
  }

  /** A stream whose primary a is a broker of the test's own. */
  private static String ownFirst(Map<String, String> properties) {
    LocalBroker broker = LocalBroker.start("own", properties);
    own = broker;
    String name = BROKERS.newName();
    broker.createTopic(name, 2);
    BROKERS.b().createTopic(name, 2);
    return name;
  }

  @AfterEach
  void closeOwn() {
    if (own != null) {
      own.close();
      own = null;
    }
  }

  /** Lets the stream's topic take no batch of more bytes. */
  private static void limitBatches(LocalBroker broker, int bytes) throws Exception {
    ConfigEntry limit = new ConfigEntry("max.message.bytes", Integer.toString(bytes));
    try (Admin admin = broker.admin()) {
      admin
          .incrementalAlterConfigs(
              Map.of(
                  new ConfigResource(ConfigResource.Type.TOPIC, stream),
                  List.of(new AlterConfigOp(limit, AlterConfigOp.OpType.SET))))
          .all()
          .get();
    }
  }

  private static PrismSink<Long> sink(String topology, RecordSerializer<Long> serializer) {
    return PrismSink.<Long>builder().topology(topology).stream(stream)
        .serializer(serializer)
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
    return n;
  }
}
