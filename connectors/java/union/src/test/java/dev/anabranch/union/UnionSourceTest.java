package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Reading two healthy primaries: from the start, over a restore, over a failure, to an end. */
class UnionSourceTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  @TempDir Path directory;

  @Test
  void readsAllPrimariesAndGoesOnFromASavepoint() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "savepoint", 4);
    List<String> written = FIXTURE.writeToBoth(topology, 4, "", 500);
    UnionSource<RawRecord> source = UnionFixture.source(topology).build();

    UnionJob job = UnionJob.start("savepoint", source, 2, directory, null);
    job.awaitExactly(written);
    String savepoint = job.stop();
    written.addAll(FIXTURE.writeToBoth(topology, 4, "later-", 300));

    UnionJob restored = UnionJob.start("savepoint", source, 2, directory, savepoint);
    restored.awaitExactly(written);
    restored.cancel();
  }

  @Test
  void countsEachRecordOnceThoughTheTaskFails() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "failing", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 2000);

    Tally.failOnceAt("failing", 700);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitCount(4000);
    written.addAll(TestProducer.write(FIXTURE.a(), "failing", 2, "later-a", 100));
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aBoundedJobReadsToTheEndsAndFinishes() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "bounded", 4);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(FIXTURE.a(), "bounded", 4, "a", 200));
    written.addAll(TestProducer.write(FIXTURE.b(), "bounded", 2, "b", 200));

    UnionJob job =
        UnionFixture.start(
            topology, UnionFixture.source(topology).stop(StopPosition.latest()), 3, directory);
    job.awaitFinished();
    job.awaitExactly(written);
  }

  @Test
  void aStreamThatTheTopologyLacksFailsTheJobByName() throws Exception {
    TopologyFile topology =
        new TopologyFile(directory, "there").primary("a", FIXTURE.a().bootstrap()).publish();
    UnionJob job =
        UnionJob.start(
            "lacking",
            UnionFixture.source(topology).stream("not-there").build(),
            1,
            directory,
            null);
    assertThatThrownBy(job::awaitFinished).hasStackTraceContaining("no stream 'not-there'");
  }
}
