package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Windows are complete though a primary is away: the watermark waits for it. */
class HoldTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static final WatermarkMode HOLD =
      WatermarkMode.hold(Duration.ofMinutes(10)).withIdleTimeout(Duration.ofSeconds(2));

  @TempDir Path directory;
  private String stream = "";
  private final List<String> written = new ArrayList<>();

  @BeforeEach
  void name(TestInfo test) {
    stream = "hold-" + test.getTestMethod().orElseThrow().getName().toLowerCase();
  }

  @AfterEach
  void mend() {
    FIXTURE.b().link().open();
  }

  @Test
  void windowsWaitForAPrimaryThatIsDownAtTheFirstStart() throws Exception {
    UnionJob job = start(bBehindItsLink(2), HOLD, 2, null, true);
    writeToBoth(2, 0, 4);
    job.awaitCount(written.size() / 2);
    job.awaitHeld("b", true);
    job.awaitCheckpoint();
    assertThat(Windows.fired(stream)).isEmpty();

    FIXTURE.b().link().open();
    job.awaitExactly(written);
    awaitFired(4);
    Windows.assertExact(stream, 0, 3, 20);
    job.cancel();
  }

  private UnionJob start(
      TopologyFile topology,
      WatermarkMode mode,
      int parallelism,
      @Nullable String savepoint,
      boolean cut)
      throws Exception {
    if (cut) {
      FIXTURE.b().link().cut();
    }
    UnionSource<RawRecord> source = UnionFixture.source(topology).watermarkMode(mode).build();
    return UnionJob.start(
        stream,
        source,
        parallelism,
        directory,
        savepoint,
        Windows.STRATEGY,
        records -> Windows.count(stream, records));
  }

  /** Ten records of each of these minutes to each primary, past any link. */
  private void writeToBoth(int partitions, int from, int to) {
    written.addAll(Windows.write(FIXTURE.a(), stream, partitions, from, to, 10));
    written.addAll(Windows.write(FIXTURE.b(), stream, partitions, from, to, 10));
  }

  private void awaitFired(int windows) throws Exception {
    try {
      Await.until(() -> Windows.fired(stream).size() >= windows, Duration.ofSeconds(60));
    } catch (AssertionError tooLate) {
      throw new AssertionError("fired: " + Windows.fired(stream), tooLate);
    }
  }

  private TopologyFile bBehindItsLink(int partitions) throws Exception {
    return FIXTURE
        .twoPrimaries(directory, stream, partitions)
        .primary("b", FIXTURE.b().link().bootstrap())
        .publish();
  }
}
