package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import java.time.Duration;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

class LaneTest {
  private static final long SECOND = Duration.ofSeconds(1).toNanos();

  private final LaneStats stats = new LaneStats();
  private final Completions completions = new Completions(() -> {});

  private Lane lane(int index) {
    Lane lane = new Lane("b", index, new MemoryTransport(), stats, 0);
    lane.setReady(true);
    return lane;
  }

  private Attempt started(Lane lane) {
    Send send =
        new Send(
            OutgoingRecord.of(new byte[1]), RecordId.supplied("x", 1), null, 0, delivery -> {});
    Attempt attempt = new Attempt(send, lane, 0, completions);
    lane.started(attempt);
    return attempt;
  }

  @Test
  void whatComesLateFromAnAddressBeforeIsNotTakenForHowTheNewOneIs() {
    Lane before = lane(0);
    Attempt slow = started(before);
    Attempt failed = started(before);
    before.succeeded();
    Lane now = lane(1);

    before.ended(slow, 20 * SECOND);
    before.listen(SECOND / 2, 20 * SECOND);
    failed.error = new TimeoutException("gone");
    before.ended(failed, 20 * SECOND);
    before.setReady(false);

    assertThat(now.isPrompt(SECOND / 2)).isTrue();
    assertThat(stats.ready()).isTrue();
    assertThat(stats.inFlight()).isZero();
    assertThat(stats.acknowledged()).as("counts are of the name").isEqualTo(1);
    assertThat(stats.failed()).isEqualTo(1);
  }
}
