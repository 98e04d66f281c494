package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class CheckpointOffsetsTest {
  @Test
  void nothingIsKeptOfCheckpointsThatFailed() {
    CheckpointOffsets offsets = new CheckpointOffsets();
    for (int id = 1; id <= 3; id++) {
      offsets.taken(id, List.of());
    }
    offsets.aborted(2);
    assertThat(offsets.waiting()).isEqualTo(2);
    offsets.completed(3);
    assertThat(offsets.waiting()).isZero();
  }
}
