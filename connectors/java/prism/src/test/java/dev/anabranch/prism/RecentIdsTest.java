package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import java.util.stream.LongStream;
import org.apache.flink.api.common.JobID;
import org.junit.jupiter.api.Test;

class RecentIdsTest {
  private static final RecordId ID = RecordId.supplied("scope", 5);

  private final JobID job = new JobID();

  @Test
  void theSecondOfOneIdIsNoticed() {
    try (RecentIds ids = RecentIds.join(job, "s")) {
      assertThat(ids.isRepeat(ID)).isFalse();
      assertThat(ids.isRepeat(RecordId.supplied("scope", 6))).isFalse();
      assertThat(ids.isRepeat(RecordId.supplied("other", 5))).isFalse();
      assertThat(ids.isRepeat(ID)).isTrue();
    }
  }

  @Test
  void whatAnotherWriterOfTheStreamGaveCountsAndNothingElse() {
    try (RecentIds one = RecentIds.join(job, "s");
        RecentIds two = RecentIds.join(job, "s");
        RecentIds otherStream = RecentIds.join(job, "t");
        RecentIds otherJob = RecentIds.join(new JobID(), "s")) {
      assertThat(one.isRepeat(ID)).isFalse();
      assertThat(otherStream.isRepeat(ID)).isFalse();
      assertThat(otherJob.isRepeat(ID)).isFalse();
      assertThat(two.isRepeat(ID)).isTrue();
    }
  }

  @Test
  void whatAFailedWriterGaveIsNoRepeatWhenItIsWrittenAgain() {
    try (RecentIds alive = RecentIds.join(job, "s")) {
      RecentIds failed = RecentIds.join(job, "s");
      assertThat(failed.isRepeat(ID)).isFalse();
      failed.close();
      try (RecentIds restored = RecentIds.join(job, "s")) {
        assertThat(restored.isRepeat(ID)).isFalse();
        assertThat(alive.isRepeat(ID)).isTrue();
      }
    }
  }

  @Test
  void nothingIsKeptOnceAllWritersAreClosedHoweverOftenTheyAre() {
    RecentIds one = RecentIds.join(job, "s");
    RecentIds two = RecentIds.join(job, "s");
    assertThat(one.isFirstToTell()).isTrue();
    one.close();
    one.close();
    assertThat(two.isFirstToTell()).as("told by the other one, whose memory it shares").isFalse();
    two.close();
    try (RecentIds next = RecentIds.join(job, "s")) {
      assertThat(next.isFirstToTell()).isTrue();
    }
  }

  @Test
  void ofAllThatComesTwiceSomeIsNoticedFarApartAndOfAMillionOthersNone() {
    try (RecentIds ids = RecentIds.join(job, "s")) {
      assertThat(repeats(ids, 0, 1_000_000)).isZero();
      assertThat(repeats(ids, 2_000_000, 2_050_000)).isZero();
      assertThat(repeats(ids, 2_000_000, 2_050_000)).isGreaterThan(500);
    }
  }

  private static long repeats(RecentIds ids, long from, long to) {
    byte[] incarnation = RecordId.supplied("run", 0).toBytes();
    return LongStream.range(from, to)
        .filter(n -> ids.isRepeat(RecordId.of(incarnation, n)))
        .count();
  }
}
