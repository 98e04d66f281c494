package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A broker's restart begins a leader epoch; one batch holds records of both. */
class LeaderEpochTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  @TempDir Path directory;

  @Test
  void aCheckpointWithinABatchOfTwoEpochsLosesAndDoublesNothing() throws Exception {
    FIXTURE.b().createTopic("epochs", 1);
    TopologyFile topology =
        new TopologyFile(directory, "epochs").primary("b", FIXTURE.b().bootstrap()).publish();
    List<String> written =
        new ArrayList<>(TestProducer.write(FIXTURE.b(), "epochs", 1, "read", 10));
    UnionJob job = UnionFixture.start(topology, 1, directory);
    job.awaitExactly(written);
    String savepoint = job.stop();

    written.addAll(TestProducer.write(FIXTURE.b(), "epochs", 1, "before", 5));
    FIXTURE.b().kill();
    FIXTURE.b().restart();
    written.addAll(TestProducer.write(FIXTURE.b(), "epochs", 1, "after", 40));

    job =
        UnionJob.start(
            "epochs",
            UnionFixture.source(topology).deserializer(new SlowEmitter(100)).build(),
            1,
            directory,
            savepoint);
    job.awaitCount(19);
    savepoint = job.stop();
    assertThat(Tally.of("epochs")).hasSizeBetween(19, 54);

    job =
        UnionJob.start(
            "epochs",
            UnionFixture.source(topology).deserializer(new LossEmitter()).build(),
            1,
            directory,
            savepoint);
    job.awaitExactly(written);
    job.cancel();
  }
}
