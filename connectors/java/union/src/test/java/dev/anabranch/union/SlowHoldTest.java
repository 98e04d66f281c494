package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A job that is slower than its input, under {@code hold}, and a silent primary that dies. */
@Tag("long")
class SlowHoldTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static final int MINUTES = 160;

  @TempDir Path directory;
  private UnionJob running;

  @AfterEach
  void mend() throws Exception {
    FIXTURE.b().link().open();
    if (running != null) {
      running.cancel();
    }
  }

  @Test
  void aSilentPrimaryThatDiesHoldsWithinSecondsThoughTheJobIsSlow() throws Exception {
    String stream = "silent-then-dead";
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, stream, 1);
    List<String> written = new ArrayList<>();
    written.addAll(Windows.write(FIXTURE.a(), stream, 1, 0, 0, 10));
    written.addAll(Windows.write(FIXTURE.b(), stream, 1, 0, 0, 10));
    // 100 records a second: half a second for a minute of a's.
    UnionSource<RawRecord> source =
        UnionFixture.source(topology)
            .deserializer(new SlowEmitter(10))
            .watermarkMode(
                WatermarkMode.hold(Duration.ofMinutes(10))
                    .withIdleTimeout(Duration.ofSeconds(2))
                    .byRecordTime())
            .build();
    UnionJob job =
        UnionJob.start(
            stream,
            source,
            1,
            directory,
            null,
            Windows.STRATEGY,
            each -> Windows.count(stream, each));
    running = job;
    job.awaitExactly(written);
    job.awaitHeld("a", false);
    job.awaitHeld("b", false);
    // Else b is waited for, and all that a has is read at once.
    Thread.sleep(5_000);
    written.addAll(Windows.write(FIXTURE.a(), stream, 1, 1, MINUTES - 1, 50));
    Await.until(() -> Windows.fired(stream).size() >= 10, Duration.ofSeconds(120));
    int reached = Windows.fired(stream).size();
    FIXTURE.b().link().cut();
    // Of a minute that a comes to in eight seconds.
    int minute = reached + 16;
    written.addAll(Windows.write(FIXTURE.b(), stream, 1, minute, minute, 10));
    job.awaitHeld("b", true);
    FIXTURE.b().link().open();
    job.awaitExactly(written);
    Await.until(() -> Windows.fired(stream).size() >= MINUTES - 1, Duration.ofSeconds(120));
    assertThat(Windows.late(stream)).isEmpty();
    assertThat(Windows.fired(stream).get((long) minute)).isEqualTo(List.of(60L));
  }
}
