package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import dev.anabranch.testkit.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A job that is slower than its input takes no healthy primary for a dead one. What waits for the
 * task takes it longer than any answer of a primary holds.
 */
@Tag("long")
class SlowJobTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static final int MINUTES = 200;

  @TempDir Path directory;
  private @Nullable UnionJob running;

  @AfterEach
  void end() throws Exception {
    if (running != null) {
      running.cancel();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"hold", "advance"})
  void nothingIsLateAndNobodyHeldWhileAllPrimariesAnswer(String mode) throws Exception {
    String stream = "slow-" + mode;
    TopologyFile topology = FIXTURE.twoPrimaries(directory, stream, 2).publish();
    List<String> written = new ArrayList<>();
    written.addAll(Windows.write(FIXTURE.a(), stream, 2, 0, MINUTES - 1, 50));
    written.addAll(Windows.write(FIXTURE.b(), stream, 2, 0, MINUTES - 1, 50));
    WatermarkMode watermarks =
        mode.equals("hold") ? WatermarkMode.hold(Duration.ofSeconds(15)) : WatermarkMode.advance();
    UnionSource<RawRecord> source =
        UnionFixture.source(topology)
            .watermarkMode(watermarks.withIdleTimeout(Duration.ofSeconds(2)).byRecordTime())
            .build();
    UnionJob job =
        UnionJob.start(
            stream,
            source,
            1,
            directory,
            null,
            Windows.STRATEGY,
            records ->
                Windows.count(
                    stream,
                    records
                        .map(SlowJobTest::slowly)
                        .returns(RawRecordTypeInfo.INSTANCE)
                        .uid("slow")));
    running = job;
    while (Tally.of(stream).size() < written.size() && !job.status().isGloballyTerminalState()) {
      assertThat(job.timeDown("a") + job.timeDown("b")).as("seconds down").isZero();
      Thread.sleep(100);
    }
    job.awaitExactly(written);
    Await.untilAsserted(
        () -> Windows.assertExact(stream, 0, MINUTES - 2, 100), Duration.ofSeconds(60));
  }

  /** 500 records a second, of which thousands wait. */
  private static RawRecord slowly(RawRecord record) throws InterruptedException {
    Thread.sleep(2);
    return record;
  }
}
