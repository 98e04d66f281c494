package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.internals.KafkaFutureImpl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Which offsets positions mean, and what becomes of logs that do not answer. */
class OffsetLookupTest {
  private static final LogId ANSWERS = new LogId("A", "t1", 0);
  private static final LogId SILENT = new LogId("A", "t1", 1);
  private static final long JOB_START_MS = 15;

  private final SimulatedBroker broker = new SimulatedBroker(0, 2);

  private static OffsetLookup lookup(Admin admin) {
    return new OffsetLookup(admin, "t", null, JOB_START_MS);
  }

  /** Offsets 2 to 4 are there, of the times 12, 22 and 32. */
  private static void fill(SimulatedLog log) {
    for (int i = 0; i < 5; i++) {
      log.append("value", i * 10 - 8);
    }
    log.trim(2);
  }

  private static Stream<Arguments> positions() {
    StartPosition earliest = StartPosition.earliest();
    StartPosition latest = StartPosition.latest();
    return Stream.of(
        Arguments.of(earliest, true, StopPosition.never(), 2, UnionSplit.NO_STOP),
        Arguments.of(earliest, true, StopPosition.latest(), 2, 5),
        Arguments.of(latest, true, StopPosition.latest(), 5, 5),
        Arguments.of(latest, false, StopPosition.timestamp(30), 3, 4),
        Arguments.of(StartPosition.timestamp(30), false, StopPosition.timestamp(99), 4, 5),
        Arguments.of(
            StartPosition.committed(earliest), false, StopPosition.never(), 2, UnionSplit.NO_STOP));
  }

  @ParameterizedTest
  @MethodSource("positions")
  void aLogThatDoesNotAnswerIsLeftOutAndTheOthersAreLookedUp(
      StartPosition start, boolean exactEnd, StopPosition stop, long from, long to)
      throws Exception {
    broker.logs().forEach(OffsetLookupTest::fill);
    broker.log(1).led(false);
    Lookup both = new Lookup(Map.of(ANSWERS, start, SILENT, start), false, exactEnd);
    OffsetLookup offsets = lookup(SimulatedAdmin.of(broker, "a probe"));
    assertThat(offsets.resolve(both, stop)).isEqualTo(Map.of(ANSWERS, new Lookup.Bounds(from, to)));

    broker.log(1).led(true);
    assertThat(offsets.resolve(both, stop))
        .isEqualTo(
            Map.of(ANSWERS, new Lookup.Bounds(from, to), SILENT, new Lookup.Bounds(from, to)));
  }

  @Test
  void eachLogHasItsOwnStart() throws Exception {
    broker.logs().forEach(OffsetLookupTest::fill);
    Lookup lookup =
        new Lookup(
            Map.of(ANSWERS, StartPosition.latest(), SILENT, StartPosition.earliest()),
            false,
            false);
    assertThat(lookup(SimulatedAdmin.of(broker, "a probe")).resolve(lookup, StopPosition.latest()))
        .isEqualTo(Map.of(ANSWERS, new Lookup.Bounds(3, 5), SILENT, new Lookup.Bounds(2, 5)));
  }

  /** Else a job that may not read would wait without a word. */
  @Test
  void aRefusalIsTrouble() {
    TopicPartition place = new TopicPartition("t", 0);
    KafkaFutureImpl<ListOffsetsResult.ListOffsetsResultInfo> refused = new KafkaFutureImpl<>();
    refused.completeExceptionally(new TopicAuthorizationException("not allowed"));
    Admin admin =
        (Admin)
            Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {Admin.class},
                (self, method, args) -> new ListOffsetsResult(Map.of(place, refused)));
    Lookup lookup = new Lookup(Map.of(ANSWERS, StartPosition.earliest()), true, true);
    assertThatThrownBy(() -> lookup(admin).resolve(lookup, StopPosition.never()))
        .isInstanceOf(ExecutionException.class)
        .hasMessageContaining("not allowed");
  }
}
