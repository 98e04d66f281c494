package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordId;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class OutputIdsTest {
  private static OutgoingRecord record(@Nullable RecordId input, int ordinal) {
    return new OutgoingRecord(null, new byte[1], null, RawHeader.NONE, input, ordinal, false);
  }

  @Test
  void derivedIdsAreThoseOfTheSharedFunctionWhateverTheCacheHolds() {
    OutputIds ids = new OutputIds(RecordIdMode.DERIVED, "job", "sink");
    for (int i = 0; i < 20_000; i++) {
      // More incarnations than the cache has places, each coming back.
      RecordId input = RecordId.supplied("run-" + i % 3_000, i);
      int ordinal = i % 3;
      assertThat(ids.of(record(input, ordinal)))
          .isEqualTo(RecordId.derived(input, "job", "sink", ordinal));
    }
  }

  @Test
  void givenIdsAreUsedAsTheyAre() {
    RecordId id = RecordId.supplied("scope", 5);
    OutputIds ids = new OutputIds(RecordIdMode.COLUMNS, "", "");
    assertThat(ids.of(record(id, 0))).isEqualTo(id);
  }

  @Test
  void drawnIdsNeverRepeat() {
    Set<RecordId> seen = new HashSet<>();
    for (int writer = 0; writer < 3; writer++) {
      OutputIds ids = new OutputIds(RecordIdMode.NONE, "", "");
      for (int i = 0; i < 1_000; i++) {
        assertThat(seen.add(ids.of(record(null, 0)))).isTrue();
      }
    }
  }

  @Test
  void aRecordWithoutTheIdItNeedsIsARecordError() {
    OutputIds ids = new OutputIds(RecordIdMode.DERIVED, "job", "sink");
    assertThatThrownBy(() -> ids.of(record(null, 0)))
        .isInstanceOf(RecordException.class)
        .hasMessageContaining("record-id");
  }
}
