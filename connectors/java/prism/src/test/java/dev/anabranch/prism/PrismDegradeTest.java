package dev.anabranch.prism;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.metrics.groups.AbstractMetricGroup;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperatorFactory;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A writer one of whose two primaries is down, and whose records may do with one copy. */
@Timeout(120)
@SuppressWarnings("try") // Flink declares that closing may throw anything.
class PrismDegradeTest {
  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  private static final List<String> LISTED = new CopyOnWriteArrayList<>();
  @TempDir Path folder;

  /** Keeps what it is told of. */
  private static final class Lister implements RecordErrorHandler<String> {
    private static final long serialVersionUID = 1L;

    @Override
    public void handle(
        @Nullable String element,
        @Nullable OutgoingRecord record,
        @Nullable RecordId id,
        RecordException error) {
      throw error;
    }

    @Override
    public boolean degraded(OutgoingRecord record, Delivery delivery) {
      return LISTED.add(new String(record.value(), UTF_8) + ": " + delivery.describeCopies());
    }
  }

  @Test
  void eachRecordIsListedAndCountedBeforeTheCheckpointIsDone() throws Exception {
    String stream = BROKERS.stream(1);
    try (OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness =
        harness(stream)) {
      harness.open();
      for (int i = 0; i < 3; i++) {
        harness.processElement("record " + i, i);
      }
      harness.prepareSnapshotPreBarrier(1);
      assertThat(LISTED)
          .containsExactly(
              "record 0: 1 of 2 copies written, to a",
              "record 1: 1 of 2 copies written, to a",
              "record 2: 1 of 2 copies written, to a");
      assertThat(counter(harness, "degraded")).isEqualTo(3);
      assertThat(counter(harness, "numRecordsSendErrors")).isZero();
    }
  }

  private OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness(
      String stream) throws Exception {
    String topology =
        TwoBrokers.topology(folder, stream, 1, 2, BROKERS.a().bootstrap(), "127.0.0.1:1");
    PrismSink<String> sink =
        PrismSink.<String>builder().topology(topology).stream(stream)
            .recordId(RecordIdMode.NONE)
            .options(PrismOptions.builder().degradeAfter(Duration.ofSeconds(2)).build())
            .serializer(element -> OutgoingRecord.of(element.getBytes(UTF_8)))
            .onRecordError(new Lister())
            .build();
    return new OneInputStreamOperatorTestHarness<>(new SinkWriterOperatorFactory<>(sink));
  }

  private static long counter(OneInputStreamOperatorTestHarness<?, ?> harness, String name)
      throws ReflectiveOperationException {
    Field field = AbstractMetricGroup.class.getDeclaredField("metrics");
    field.setAccessible(true);
    Object metric = ((Map<?, ?>) field.get(harness.getOperator().getMetricGroup())).get(name);
    assertThat(metric).as(name).isInstanceOf(Counter.class);
    return ((Counter) metric).getCount();
  }
}
