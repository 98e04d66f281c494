package dev.anabranch.archive;

import dev.anabranch.records.RawRecord;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.functions.sink.filesystem.BucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.SimpleVersionedStringSerializer;
import org.jspecify.annotations.Nullable;

/**
 * The folder of a record: {@code stream=logs/date=2026-11-30/hour=21}, by its create time in UTC.
 * Records without a time that a date can be made of share a folder.
 */
final class HourOfRecord implements BucketAssigner<RawRecord, String> {
  private static final long serialVersionUID = 1L;
  private static final long MS_PER_HOUR = 3_600_000L;

  /** The first hour of the year 10000, of which a date would be longer. */
  private static final long END = 70_389_528L;

  private static final DateTimeFormatter FOLDERS =
      DateTimeFormatter.ofPattern("'date='uuuu-MM-dd'/hour='HH").withZone(ZoneOffset.UTC);
  private static final String NO_DATE = "date=none/hour=none";

  private final String stream;
  // Records mostly come hour by hour.
  private transient long lastHour;
  private transient @Nullable String lastFolder;

  HourOfRecord(String stream) {
    this.stream = stream;
  }

  @Override
  public String getBucketId(RawRecord record, Context context) {
    long hour = Math.floorDiv(record.timestampMs(), MS_PER_HOUR);
    String known = lastFolder;
    if (known == null || hour != lastHour) {
      known = "stream=" + stream + "/" + folder(hour);
      lastFolder = known;
      lastHour = hour;
    }
    return known;
  }

  private static String folder(long hour) {
    return hour < 0 || hour >= END
        ? NO_DATE
        : FOLDERS.format(Instant.ofEpochMilli(hour * MS_PER_HOUR));
  }

  @Override
  public SimpleVersionedSerializer<String> getSerializer() {
    return SimpleVersionedStringSerializer.INSTANCE;
  }
}
