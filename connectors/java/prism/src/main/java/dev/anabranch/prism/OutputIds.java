package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/** Gives each record its id. */
final class OutputIds {
  /** A power of two; inputs come in runs of few incarnations. */
  private static final int CACHED = 1024;

  private final RecordIdMode mode;
  private final String jobUid;
  private final String sinkUid;

  // Derived incarnations by the input's: the hash depends on nothing else but the ordinal.
  private final @Nullable Derived[] cache = new @Nullable Derived[CACHED];

  private final byte[] generated = new byte[RecordId.INCARNATION_BYTES];
  private long sequence;

  private record Derived(long high, short low, int ordinal, RecordId output) {
    boolean isOf(RecordId input, int n) {
      return high == input.high() && low == input.incarnationLow() && ordinal == n;
    }
  }

  OutputIds(RecordIdMode mode, String jobUid, String sinkUid) {
    this.mode = mode;
    this.jobUid = jobUid;
    this.sinkUid = sinkUid;
    new SecureRandom().nextBytes(generated);
  }

  /** The record's id; throws {@link RecordException} where it needs an input id and has none. */
  RecordId of(OutgoingRecord record) {
    if (mode == RecordIdMode.NONE) {
      return RecordId.of(generated, sequence++);
    }
    RecordId input = record.inputId();
    if (input == null) {
      throw new RecordException(
          RecordException.Reason.INCOMPLETE,
          "record ids are "
              + mode.name().toLowerCase(java.util.Locale.ROOT)
              + ", but the record brings no input id; give it one, or set record-id to none",
          null);
    }
    return mode == RecordIdMode.COLUMNS ? input : derived(input, record.ordinal());
  }

  private RecordId derived(RecordId input, int ordinal) {
    int slot = slot(input, ordinal);
    Derived known = cache[slot];
    if (known == null || !known.isOf(input, ordinal)) {
      RecordId output = RecordId.derived(input, jobUid, sinkUid, ordinal);
      known = new Derived(input.high(), input.incarnationLow(), ordinal, output);
      cache[slot] = known;
    }
    RecordId output = known.output();
    long low = (output.low() & ~RecordId.MAX_SEQUENCE) | input.sequence();
    return new RecordId(output.high(), low);
  }

  private static int slot(RecordId input, int ordinal) {
    long mixed = (input.high() + 31L * input.incarnationLow() + ordinal) * 0x9E3779B97F4A7C15L;
    return (int) (mixed >>> 54);
  }
}
