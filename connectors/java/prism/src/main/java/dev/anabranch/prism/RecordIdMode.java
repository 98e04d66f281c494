package dev.anabranch.prism;

import java.util.Locale;

/** Where a written record's id comes from. */
public enum RecordIdMode {
  /**
   * From the id of the input it was made of, the job, the sink and the ordinal: the same again
   * after a restore. The default for appends.
   */
  DERIVED,
  /** Given with the record, as the job computed it. */
  COLUMNS,
  /**
   * Drawn by the writer. It tells retries, hedges and copies of one write apart, but a restore
   * writes again under other ids: only for upserts, whose version settles it, or where duplicates
   * after a restore are accepted.
   */
  NONE;

  /** As it is written in SQL. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
