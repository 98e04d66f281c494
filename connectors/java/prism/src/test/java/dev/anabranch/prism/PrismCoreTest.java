package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What of the core has no counterpart in Python: keys, and the errors of kafka-clients. All else is
 * in {@link PrismCasesTest}.
 */
class PrismCoreTest {
  private static CoreRig homeIsA(String... names) {
    return new CoreRig(PrismOptions.builder().home("a").build(), 1, names).warm();
  }

  @Test
  void aPrimaryThatAnswersAgainIsTriedAtOnce() {
    CoreRig rig = homeIsA("a", "b");
    rig.send();
    rig.send();
    rig.send();
    rig.primary("a").failAll(new TimeoutException("no answer"));
    rig.settle();
    rig.unready("a");
    rig.ready("a");
    rig.send();
    assertThat(rig.primary("a").open).hasSize(1);
  }

  @Test
  void versionsOfAKeyMeetInOneLogWhileAllPrimariesWork() {
    CoreRig rig = new CoreRig(PrismOptions.defaults(), 1, "a", "b", "c");
    List.of("a", "b", "c").forEach(name -> rig.primary(name).answersAtOnce = true);
    for (int i = 0; i < 300; i++) {
      rig.upsert("key" + i % 30, "v");
    }
    long keysOnSeveral =
        Stream.of("a", "b", "c")
                .flatMap(name -> rig.primary(name).log.stream().map(s -> s.upsertKey).distinct())
                .count()
            - 30;
    assertThat(keysOnSeveral).isZero();
    assertThat(List.of("a", "b", "c"))
        .allSatisfy(name -> assertThat(rig.primary(name).log).isNotEmpty());
  }

  @Test
  void turnsGrowWithWhatIsInFlight() {
    CoreRig rig = new CoreRig(PrismOptions.defaults(), 1, "a", "b");
    List<Integer> turns = new ArrayList<>();
    int before = 0;
    for (int i = 0; i < 10_000; i++) {
      rig.send();
      boolean toA = rig.primary("a").open.size() > before;
      before = rig.primary("a").open.size();
      boolean sameTurn = !turns.isEmpty() && toA == (turns.size() % 2 == 1);
      if (sameTurn) {
        turns.set(turns.size() - 1, turns.get(turns.size() - 1) + 1);
      } else {
        turns.add(1);
      }
    }
    assertThat(turns.subList(0, 32)).containsOnly(64);
    assertThat(turns.get(turns.size() - 2)).isBetween(250, 10_000 / 32);
    assertThat(rig.primary("a").open).hasSizeBetween(4_800, 5_200);
  }

  static Stream<Exception> primaryTroubles() {
    return Stream.of(
        new UnknownTopicOrPartitionException("no such topic"),
        new TopicAuthorizationException("not allowed"),
        new TimeoutException("slow"));
  }

  @ParameterizedTest
  @MethodSource("primaryTroubles")
  void aPrimaryWithoutTopicOrPermissionIsPassedOver(Exception trouble) {
    CoreRig rig = homeIsA("a", "b");
    rig.primary("b").answersAtOnce = true;
    for (int i = 0; i < 5; i++) {
      rig.send();
      rig.primary("a").failAll(trouble);
      rig.settle();
    }
    assertThat(rig.doneCount()).isEqualTo(5);
    assertThat(rig.lane("a").breaker.state()).isEqualTo(Breaker.State.OPEN);
    assertThat(rig.primary("a").rebuilds).isZero();
  }

  static Stream<Exception> recordTroubles() {
    return Stream.of(new RecordTooLargeException("big"), new InvalidRecordException("bad"));
  }

  @ParameterizedTest
  @MethodSource("recordTroubles")
  void aRecordThatTwoPrimariesRefuseIsARecordError(Exception trouble) {
    CoreRig rig = homeIsA("a", "b", "c");
    rig.send();
    rig.primary("a").failAll(trouble);
    rig.settle();
    assertThat(rig.deliveries).isEmpty();
    List.of("b", "c").forEach(name -> rig.primary(name).failAll(trouble));
    rig.settle();
    assertThat(rig.deliveries)
        .singleElement()
        .satisfies(d -> assertThat(d.error()).isInstanceOf(RecordException.class));
    assertThat(rig.core.isIdle()).isTrue();
    assertThat(rig.lane("a").breaker.state()).isEqualTo(Breaker.State.CLOSED);
    assertThat(open(rig)).isZero();
  }

  @Test
  void anyNumberOfVersionsOfAKeyMayBeRefusedInTurn() {
    CoreRig rig = homeIsA("a");
    for (int i = 0; i < 20_000; i++) {
      rig.upsert("k", "v");
    }
    rig.primary("a").failAll(new RecordTooLargeException("big"));
    rig.settle();
    assertThat(rig.deliveries)
        .hasSize(20_000)
        .allSatisfy(d -> assertThat(d.error()).isInstanceOf(RecordException.class));
    assertThat(rig.core.isIdle()).isTrue();
    assertThat(rig.core.isFull()).isFalse();
  }

  @Test
  void aRecordThatIsRefusedHereIsNotTriedElsewhere() {
    CoreRig rig = homeIsA("a", "b");
    rig.send();
    rig.primary("a").open.get(0).refuse(new SerializationException("no"));
    rig.settle();
    assertThat(rig.deliveries)
        .singleElement()
        .satisfies(d -> assertThat(d.error()).isInstanceOf(RecordException.class));
    assertThat(rig.primary("b").open).isEmpty();
  }

  @Test
  void aBrokenProducerIsRebuiltOnceAndAlone() {
    CoreRig rig = homeIsA("a", "b");
    rig.primary("b").answersAtOnce = true;
    for (int i = 0; i < 50; i++) {
      rig.send();
    }
    rig.primary("a").failAll(new OutOfOrderSequenceException("broken"));
    rig.settle();
    assertThat(rig.primary("a").rebuilds).isEqualTo(1);
    assertThat(rig.primary("b").rebuilds).isZero();
    assertThat(rig.doneCount()).isEqualTo(50);
  }

  private static int open(CoreRig rig) {
    return rig.lanes.stream().mapToInt(lane -> rig.primary(lane.name()).open.size()).sum();
  }
}
