package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
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

/** Who gets a record, and when it is done, with a simulated clock. Cases as in docs/prism.md. */
class PrismCoreTest {
  private static final Duration HEDGE = Duration.ofMillis(500);
  private static final Duration MAX_BLOCK = Duration.ofSeconds(30);

  private static PrismOptionsBuilder options() {
    return PrismOptions.builder().hedgeAfter(HEDGE).maxBlock(MAX_BLOCK);
  }

  private static CoreRig rig(String... names) {
    return new CoreRig(options().build(), 1, names).warm();
  }

  @Test
  void doneWithTheFirstAcknowledgement() {
    CoreRig rig = rig("a", "b");
    Send send = rig.send();
    assertThat(rig.deliveries).isEmpty();
    rig.primary("a").ackAll();
    rig.primary("b").ackAll();
    rig.settle();
    assertThat(rig.deliveries).hasSize(1);
    Delivery delivery = rig.deliveries.get(0);
    assertThat(delivery.id()).isEqualTo(send.id);
    assertThat(delivery.acks()).hasSize(1);
    assertThat(delivery.attempts()).isEqualTo(1);
    assertThat(delivery.ambiguous()).isFalse();
    assertThat(rig.core.isIdle()).isTrue();
  }

  @Test
  void unansweredGoesToAnotherWithTheSameId() {
    CoreRig rig = new CoreRig(options().home("a").build(), 1, "a", "b").warm();
    // b has answered nothing yet, being no home, but nothing speaks against it either.
    Send send = rig.send();
    rig.pass(HEDGE.minusMillis(50));
    assertThat(rig.primary("b").open).isEmpty();
    rig.pass(Duration.ofMillis(100));
    assertThat(rig.primary("b").open).hasSize(1);
    assertThat(rig.primary("b").open.get(0).send).isSameAs(send);
    rig.primary("b").ackAll();
    rig.settle();
    assertThat(rig.deliveries)
        .singleElement()
        .satisfies(
            d -> {
              assertThat(d.acks()).extracting(Ack::primary).containsExactly("b");
              assertThat(d.attempts()).isEqualTo(2);
              assertThat(d.ambiguous()).isTrue();
            });
    assertThat(rig.lane("a").stats.hedged()).isEqualTo(1);

    rig.primary("a").ackAll();
    rig.settle();
    assertThat(rig.deliveries).hasSize(1);
  }

  @Test
  void failedGoesToAnotherAtOnce() {
    CoreRig rig = new CoreRig(options().home("a").build(), 1, "a", "b").warm();
    rig.send();
    rig.primary("a").failAll(new TimeoutException("no answer"));
    rig.settle();
    assertThat(rig.primary("b").open).hasSize(1);
    rig.primary("b").ackAll();
    rig.settle();
    assertThat(rig.doneCount()).isEqualTo(1);
  }

  @Test
  void twoCopiesNeedTwoPrimaries() {
    CoreRig rig = new CoreRig(options().build(), 2, "a", "b", "c").warm();
    rig.send();
    assertThat(open(rig)).isEqualTo(2);
    List<CoreRig.FakePrimary> asked =
        Stream.of("a", "b", "c").map(rig::primary).filter(p -> !p.open.isEmpty()).toList();
    asked.get(0).ackAll();
    rig.settle();
    assertThat(rig.deliveries).isEmpty();
    asked.get(1).failAll(new TimeoutException("no answer"));
    rig.settle();
    // Never twice the one that has it, nor yet again the one that failed while a third works.
    assertThat(asked.get(0).open).isEmpty();
    Stream.of("b", "c", "a").map(rig::primary).forEach(CoreRig.FakePrimary::ackAll);
    rig.settle();
    assertThat(rig.deliveries)
        .singleElement()
        .satisfies(
            d -> assertThat(d.acks()).extracting(Ack::primary).doesNotHaveDuplicates().hasSize(2));
  }

  @Test
  void twoCopiesWaitForASecondPrimary() {
    CoreRig rig = new CoreRig(options().build(), 2, "a", "b").warm();
    rig.unready("b");
    rig.send();
    rig.primary("a").ackAll();
    rig.settle();
    rig.pass(Duration.ofSeconds(5));
    assertThat(rig.deliveries).isEmpty();
    rig.ready("b");
    rig.primary("b").ackAll();
    rig.settle();
    assertThat(rig.doneCount()).isEqualTo(1);
  }

  @Test
  void fewerCopiesWantedLetWaitingSendsEnd() {
    CoreRig rig = new CoreRig(options().build(), 2, "a", "b").warm();
    rig.unready("b");
    rig.send();
    rig.primary("a").ackAll();
    rig.settle();
    assertThat(rig.doneCount()).isZero();
    rig.core.setLanes(rig.lanes, 1);
    assertThat(rig.doneCount()).isEqualTo(1);
  }

  @Test
  void breakerOpensAfterThreeFailuresAndProbesWithOneRecord() {
    CoreRig rig = new CoreRig(options().home("a").build(), 1, "a", "b").warm();
    rig.primary("b").answersAtOnce = true;
    for (int i = 0; i < 3; i++) {
      rig.send();
      rig.primary("a").failAll(new TimeoutException("no answer"));
      rig.settle();
    }
    assertThat(rig.lane("a").breaker.state()).isEqualTo(Breaker.State.OPEN);
    rig.send();
    assertThat(rig.primary("a").open).isEmpty();

    rig.pass(Duration.ofMillis(1_500));
    rig.send();
    rig.send();
    assertThat(rig.primary("a").open).hasSize(1);
    rig.primary("a").failAll(new TimeoutException("no answer"));
    rig.settle();
    assertThat(rig.lane("a").breaker.state()).isEqualTo(Breaker.State.OPEN);
    rig.pass(Duration.ofMillis(1_300));
    rig.send();
    assertThat(rig.primary("a").open).as("the back-off has doubled").isEmpty();

    rig.pass(Duration.ofMillis(1_500));
    rig.send();
    rig.primary("a").ackAll();
    rig.settle();
    assertThat(rig.lane("a").breaker.state()).isEqualTo(Breaker.State.CLOSED);
    rig.send();
    rig.send();
    assertThat(rig.primary("a").open).hasSize(2);
  }

  @Test
  void silentPrimaryIsLeftAndItsRecordsMove() {
    CoreRig rig = rig("a", "b");
    rig.primary("b").answersAtOnce = true;
    for (int i = 0; i < 200; i++) {
      rig.send();
    }
    int onA = rig.primary("a").open.size();
    assertThat(onA).isPositive();
    rig.pass(HEDGE.plusMillis(100));
    assertThat(rig.lane("a").breaker.state()).isEqualTo(Breaker.State.OPEN);
    assertThat(rig.doneCount()).isEqualTo(200);
    for (int i = 0; i < 200; i++) {
      rig.send();
    }
    assertThat(rig.primary("a").open).hasSize(onA);

    rig.primary("a").ackAll();
    rig.settle();
    assertThat(rig.lane("a").breaker.state())
        .as("late acknowledgements are a sign of life")
        .isEqualTo(Breaker.State.HALF_OPEN);
  }

  @Test
  void theLastPrimaryIsKeptThoughItIsSlow() {
    CoreRig rig = rig("a", "b");
    rig.unready("b");
    for (int i = 0; i < 200; i++) {
      rig.send();
    }
    rig.pass(Duration.ofSeconds(3));
    assertThat(rig.lane("a").breaker.state()).isEqualTo(Breaker.State.CLOSED);
    assertThat(rig.primary("a").open).as("each once").hasSize(200);
    rig.primary("a").ackAll();
    rig.settle();
    assertThat(rig.doneCount()).isEqualTo(200);
  }

  @Test
  void hedgesDoNotPileUpOnSlowPrimaries() {
    CoreRig rig = rig("a", "b");
    // Both answer, but only after twice the hedge's time.
    for (String name : List.of("a", "b")) {
      String other = name.equals("a") ? "b" : "a";
      rig.unready(other);
      for (int i = 0; i < 20; i++) {
        rig.send();
        rig.pass(HEDGE.multipliedBy(2));
        rig.primary(name).ackAll();
        rig.settle();
      }
      rig.ready(other);
    }
    rig.send();
    rig.pass(HEDGE.plusMillis(200));
    assertThat(open(rig)).isEqualTo(1);
  }

  @Test
  void aPrimaryThatAnswersAgainIsTriedAtOnce() {
    CoreRig rig = new CoreRig(options().home("a").build(), 1, "a", "b").warm();
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
  void allDownFillsThenFails() {
    CoreRig rig = new CoreRig(options().maxInFlight(10, 1_000_000).build(), 1, "a", "b").warm();
    rig.unready("a");
    rig.unready("b");
    for (int i = 0; i < 10; i++) {
      assertThat(rig.core.isFull()).isFalse();
      rig.send();
    }
    assertThat(rig.core.isFull()).isTrue();
    rig.pass(MAX_BLOCK.minusSeconds(1));
    assertThat(rig.deliveries).isEmpty();
    rig.pass(Duration.ofSeconds(2));
    assertThat(rig.deliveries)
        .hasSize(10)
        .allSatisfy(
            d ->
                assertThat(d.error())
                    .isInstanceOf(DeliveryException.class)
                    .hasMessageContaining("10 records in flight")
                    .hasMessageContaining("a: not ready, last trouble: gone")
                    .hasMessageContaining("b: not ready, last trouble: gone"));
    assertThat(rig.core.isIdle()).isTrue();
  }

  @Test
  void allDownForAWhileGoesOn() {
    CoreRig rig = rig("a", "b");
    rig.unready("a");
    rig.unready("b");
    for (int i = 0; i < 100; i++) {
      rig.send();
    }
    rig.pass(Duration.ofSeconds(20));
    rig.primary("b").answersAtOnce = true;
    rig.ready("b");
    assertThat(rig.doneCount()).isEqualTo(100);
  }

  @Test
  void bytesBoundToo() {
    CoreRig rig = new CoreRig(options().maxInFlight(1_000, 95).build(), 1, "a").warm();
    for (int i = 0; i < 10; i++) {
      assertThat(rig.core.isFull()).isFalse();
      rig.send();
    }
    assertThat(rig.core.isFull()).isTrue();
    rig.primary("a").ackAll();
    rig.settle();
    assertThat(rig.core.inFlightBytes()).isZero();
  }

  @Test
  void aNewerVersionCancelsTheRetriesOfOlderOnes() {
    CoreRig rig = new CoreRig(options().build(), 1, "a", "b").warm();
    Send first = rig.upsert("k", "1");
    CoreRig.FakePrimary own = owner(rig);
    Send second = rig.upsert("k", "2");
    assertThat(own.open).extracting(attempt -> attempt.send).containsExactly(first, second);
    own.open.get(0).fail(new TimeoutException("no answer"));
    rig.settle();
    assertThat(rig.primary("a").open.size() + rig.primary("b").open.size())
        .as("the first is not tried again")
        .isEqualTo(2);
    own.open.remove(0);
    own.ackAll();
    rig.settle();
    assertThat(rig.deliveries).hasSize(2);
    assertThat(rig.deliveries.get(0).superseded()).isTrue();
    assertThat(rig.deliveries.get(1).id()).isEqualTo(second.id);
    assertThat(rig.core.isIdle()).isTrue();
  }

  @Test
  void anOlderVersionIsNotHedgedAfterANewerOne() {
    CoreRig rig = new CoreRig(options().build(), 1, "a", "b").warm();
    rig.upsert("k", "1");
    Send second = rig.upsert("k", "2");
    CoreRig.FakePrimary own = owner(rig);
    rig.pass(HEDGE.plusMillis(100));
    CoreRig.FakePrimary other = own == rig.primary("a") ? rig.primary("b") : rig.primary("a");
    assertThat(other.open).extracting(attempt -> attempt.send).containsExactly(second);
  }

  @Test
  void aKeyThatKeepsChangingStillFailsAfterMaxBlock() {
    CoreRig rig = rig("a");
    rig.unready("a");
    for (int second = 0; second < MAX_BLOCK.toSeconds() + 1; second++) {
      rig.upsert("k", Integer.toString(second));
      rig.pass(Duration.ofSeconds(1));
    }
    assertThat(rig.deliveries).anySatisfy(d -> assertThat(d.error()).isNotNull());
  }

  @Test
  void versionsOfAKeyMeetInOneLogWhileAllPrimariesWork() {
    CoreRig rig = new CoreRig(options().build(), 1, "a", "b", "c");
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

  static Stream<Exception> primaryTroubles() {
    return Stream.of(
        new UnknownTopicOrPartitionException("no such topic"),
        new TopicAuthorizationException("not allowed"),
        new TimeoutException("slow"));
  }

  @ParameterizedTest
  @MethodSource("primaryTroubles")
  void aPrimaryWithoutTopicOrPermissionIsPassedOver(Exception trouble) {
    CoreRig rig = new CoreRig(options().home("a").build(), 1, "a", "b").warm();
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
    CoreRig rig = new CoreRig(options().home("a").build(), 1, "a", "b", "c").warm();
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
  void aRecordThatIsRefusedHereIsNotTriedElsewhere() {
    CoreRig rig = new CoreRig(options().home("a").build(), 1, "a", "b").warm();
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
    CoreRig rig = new CoreRig(options().home("a").build(), 1, "a", "b").warm();
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

  @Test
  void weightsShareTheRecords() {
    CoreRig rig = rig("a", "b");
    rig.lane("a").weight = 3;
    List.of("a", "b").forEach(name -> rig.primary(name).answersAtOnce = true);
    for (int i = 0; i < 64 * 400; i++) {
      rig.send();
    }
    double share = rig.primary("a").log.size() / (64.0 * 400);
    assertThat(share).isBetween(0.74, 0.76);
  }

  @Test
  void nothingIsSentWhileHeldAndTheReasonIsTold() {
    CoreRig rig = rig("a");
    rig.core.hold("the topology document is old");
    rig.send();
    assertThat(rig.primary("a").open).isEmpty();
    rig.pass(MAX_BLOCK.plusSeconds(1));
    assertThat(rig.deliveries.get(0).error())
        .hasMessageContaining("nothing is sent: the topology document is old");
  }

  private static int open(CoreRig rig) {
    return rig.lanes.stream().mapToInt(lane -> rig.primary(lane.name()).open.size()).sum();
  }

  private static CoreRig.FakePrimary owner(CoreRig rig) {
    return rig.primary("a").open.isEmpty() ? rig.primary("b") : rig.primary("a");
  }
}
