package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
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
  @RegisterExtension static final MiniClusterExtension FLINK = Jobs.cluster();
  private static CountDownLatch halfway = new CountDownLatch(0);
  private static CountDownLatch goesOn = new CountDownLatch(0);
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
      @Override
      void begin() throws Exception {
        BROKERS.throttle(BROKERS.a(), 200.0);
      }

      @Override
      void end() throws Exception {
        BROKERS.throttle(BROKERS.a(), null);
      }
    },
    TOPIC_MISSING {
      @Override
      String stream() {
        String name = BROKERS.newName();
        BROKERS.b().createTopic(name, 2);
        return name;
      }

      @Override
      void begin() {}
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

    String stream() {
      return BROKERS.stream(2);
    }

    abstract void begin() throws Exception;

    void endMeanwhile() throws InterruptedException {}

    void end() throws Exception {
      BROKERS.a().link().open();
      BROKERS.b().link().open();
    }
  }

  @ParameterizedTest
  @EnumSource(Fault.class)
  void theJobEndsWithEveryRecordWritten(Fault fault) throws Exception {
    String stream = fault.stream();
    halfway = new CountDownLatch(1);
    goesOn = new CountDownLatch(1);
    StreamExecutionEnvironment env = Jobs.environment(folder);
    env.fromSequence(0, RECORDS - 1)
        .setParallelism(1)
        .map(PrismEndOfInputTest::waitHalfway)
        .setParallelism(1)
        .sinkTo(sink(stream));
    JobClient job = env.executeAsync("end of input");
    try {
      halfway.await();
      LocalBroker first = fault == Fault.TOPIC_MISSING ? BROKERS.b() : BROKERS.a();
      Await.until(() -> !Logs.read(first, stream).isEmpty(), Duration.ofSeconds(60));
      fault.begin();
      goesOn.countDown();
      fault.endMeanwhile();
      job.getJobExecutionResult().get();
    } finally {
      fault.end();
    }
    Set<RecordId> found = new HashSet<>();
    List<ConsumerRecord<byte[], byte[]>> written =
        fault == Fault.TOPIC_MISSING ? Logs.read(BROKERS.b(), stream) : BROKERS.readBoth(stream);
    for (ConsumerRecord<byte[], byte[]> record : written) {
      RecordId id = Logs.id(record);
      assertThat(record.value()).isEqualTo(Ledger.value(id.sequence()));
      found.add(id);
    }
    assertThat(found).hasSize((int) RECORDS);
  }

  private PrismSink<Long> sink(String stream) {
    String topology =
        TwoBrokers.topology(
            folder, stream, 2, 1, BROKERS.a().link().bootstrap(), BROKERS.b().link().bootstrap());
    return PrismSink.<Long>builder().topology(topology).stream(stream)
        .serializer(n -> OutgoingRecord.of(Ledger.value(n)).withInputId(RecordId.supplied("in", n)))
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
    }
    return n;
  }
}
