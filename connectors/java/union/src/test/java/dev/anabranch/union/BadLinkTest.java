package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.FaultyLink;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.JobStatus;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A primary that lives behind a way that swallows, delays or cuts holds up no other. */
class BadLinkTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  @TempDir Path directory;

  @AfterEach
  void mend() {
    link().open();
  }

  @Test
  void aBlackHoleAtTheStartAndLaterHoldsUpNobody() throws Exception {
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, "hole", 2);
    List<String> onB = TestProducer.write(FIXTURE.b(), "hole", 2, "b", 100);
    List<String> written = new ArrayList<>(TestProducer.write(FIXTURE.a(), "hole", 2, "a", 100));
    link().silence();

    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitUnhindered(written);
    link().open();
    written.addAll(onB);
    job.awaitExactly(written);

    link().silence();
    onB = TestProducer.write(FIXTURE.b(), "hole", 2, "unseen", 100);
    written.addAll(TestProducer.write(FIXTURE.a(), "hole", 2, "alone", 100));
    job.awaitUnhindered(written);
    job.awaitCheckpoint();
    link().open();
    written.addAll(onB);
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  @Tag("long")
  void aBlackHoleThatLastsLongerThanEveryTimeoutHoldsUpNobody() throws Exception {
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, "long-hole", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 100);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);

    link().silence();
    List<String> onB = TestProducer.write(FIXTURE.b(), "long-hole", 2, "unseen", 100);
    // Kafka's clients wait for up to a minute by themselves.
    long end = System.nanoTime() + Duration.ofSeconds(75).toNanos();
    for (int i = 0; System.nanoTime() < end; i++) {
      written.addAll(TestProducer.write(FIXTURE.a(), "long-hole", 2, "alone" + i + "-", 10));
      job.awaitUnhindered(written);
      job.awaitCheckpoint();
    }
    job.awaitDown("b");
    link().open();
    written.addAll(onB);
    job.awaitExactly(written);
    assertThat(job.status()).isEqualTo(JobStatus.RUNNING);
    job.cancel();
  }

  @Test
  void aPrimaryThatAnswersSlowlyIsReadNevertheless() throws Exception {
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, "slow", 2);
    link().slow(Duration.ofMillis(400));

    UnionJob job = UnionFixture.start(topology, 1, directory);
    List<String> written = new ArrayList<>(TestProducer.write(FIXTURE.a(), "slow", 2, "a", 100));
    job.awaitUnhindered(written);
    written.addAll(FIXTURE.writeToBoth(topology, 2, "more-", 300));
    job.awaitExactly(written);
    job.awaitCheckpoint();
    job.cancel();
  }

  @Test
  void connectionsThatAreCutAgainAndAgainLoseAndDoubleNothing() throws Exception {
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, "cut", 2);
    UnionJob job = UnionFixture.start(topology, 1, directory);
    List<String> written = new ArrayList<>();
    for (int round = 0; round < 5; round++) {
      written.addAll(FIXTURE.writeToBoth(topology, 2, "round" + round + "-", 500));
      link().cut();
      written.addAll(FIXTURE.writeToBoth(topology, 2, "cut" + round + "-", 500));
      link().open();
    }
    job.awaitExactly(written);
    job.cancel();
  }

  private static FaultyLink link() {
    return FIXTURE.b().link();
  }
}
