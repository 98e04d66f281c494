package dev.anabranch.records;

/** Names of the Kafka headers that anabranch reads and writes. */
public final class RecordHeaders {
  /** What all of them begin with, those that later versions add too. */
  private static final String PREFIX = "anabranch-";

  /** 16 bytes, see {@link RecordId}. The same on every retry, hedge and copy of a record. */
  public static final String ID = "anabranch-id";

  /** 12 bytes, see {@link RecordVersion}. On upserts only. */
  public static final String VERSION = "anabranch-version";

  /** One byte that tells the kind of an upsert; absent means "insert or update". */
  public static final String OP = "anabranch-op";

  /** Value of {@link #OP} for a delete, which is a record with a non-null value. */
  public static final byte OP_DELETE = 'd';

  /**
   * Marks a late record within a job, between de-duplication and decoding. Whoever sends it to
   * Kafka means something else by it: sources leave it out.
   */
  public static final String LATE = "anabranch-late";

  /** Marks what stands within a job for records that were lost; else as {@link #LATE}. */
  public static final String LOST = "anabranch-lost";

  /** Whether a header of that name is anabranch's own, so that no copy of it belongs elsewhere. */
  public static boolean isOurs(String name) {
    return name.startsWith(PREFIX);
  }

  /** Whether a header of that name has a meaning within a job only. */
  public static boolean isMark(String name) {
    return name.length() == LATE.length() && (name.equals(LATE) || name.equals(LOST));
  }

  private RecordHeaders() {}
}
