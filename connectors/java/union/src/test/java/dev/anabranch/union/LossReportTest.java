package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.Origin;
import org.junit.jupiter.api.Test;

class LossReportTest {
  private static LossReport cut(int leaderEpoch, String detail) {
    Origin origin = new Origin("v", "cluster", "t", "t1", 0);
    return new LossReport(LossReport.Kind.TRUNCATED, origin, 10, 20, leaderEpoch, detail);
  }

  @Test
  void aRangeThatIsLostTwiceIsTwoLosses() {
    assertThat(cut(5, "written again, read, and cut again").id())
        .isNotEqualTo(cut(3, "cut").id())
        .isEqualTo(cut(5, "found again after a restore").id());
  }
}
