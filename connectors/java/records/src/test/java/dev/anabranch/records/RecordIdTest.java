package dev.anabranch.records;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class RecordIdTest {
  @Test
  void bytesRoundTrip() {
    RecordId id = RecordId.supplied("run-1", 258);
    assertThat(RecordId.fromBytes(id.toBytes())).isEqualTo(id);
    assertThat(id.sequence()).isEqualTo(258);
  }

  @Test
  void suppliedIdIsTheScopeHashThenTheSequence() {
    // printf run-1 | sha256sum
    assertThat(HexFormat.of().formatHex(RecordId.supplied("run-1", 258).toBytes()))
        .endsWith("000000000102")
        .startsWith(HEX_OF_RUN_1);
  }

  @Test
  void sequenceBeyond48BitsIsRefused() {
    assertThatThrownBy(() -> RecordId.supplied("s", 1L << 48))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(RecordId.supplied("s", RecordId.MAX_SEQUENCE).sequence())
        .isEqualTo(RecordId.MAX_SEQUENCE);
  }

  @Test
  void derivedIdsDifferByJobSinkAndOrdinalOnly() {
    RecordId in = RecordId.supplied("run-1", 7);
    RecordId out = RecordId.derived(in, "job", "sink", 0);
    assertThat(out).isEqualTo(RecordId.derived(in, "job", "sink", 0)).isNotEqualTo(in);
    assertThat(out.sequence()).isEqualTo(7);
    assertThat(RecordId.derived(in, "jobs", "ink", 0)).isNotEqualTo(out);
    assertThat(RecordId.derived(in, "job", "sink", 1)).isNotEqualTo(out);
  }

  private static final String HEX_OF_RUN_1 = "4e65d3fbe8ad6535681b";
}
