package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Gives a record its id, version and time, once, and hands it to the engine. */
final class RecordStamp {
  private final OutputIds ids;
  private final int epoch;
  private final @Nullable VersionClock clock;
  private final int stateCopies;

  /**
   * @param clock null for appends
   * @param stateCopies how often the floor is written, so that each writer finds one after a
   *     rescale
   */
  RecordStamp(OutputIds ids, int epoch, @Nullable VersionClock clock, int stateCopies) {
    this.ids = ids;
    this.epoch = epoch;
    this.clock = clock;
    this.stateCopies = stateCopies;
  }

  /** Returns the id that it gave. */
  RecordId send(PrismEngine engine, OutgoingRecord record, @Nullable Long elementTimeMs) {
    RecordId id = ids.of(record);
    RecordVersion version = null;
    if (clock != null) {
      if (record.key() == null) {
        throw new RecordException(
            RecordException.Reason.INCOMPLETE, "an upsert without a key", null);
      }
      version = new RecordVersion(epoch, clock.next());
    }
    engine.send(record, id, version, elementTimeMs, null);
    return id;
  }

  List<VersionFloor> snapshot() {
    return clock == null ? List.of() : Collections.nCopies(stateCopies, clock.reserve());
  }
}
