package dev.anabranch.records;

import org.jspecify.annotations.Nullable;

/** One Kafka header. An array component is compared by identity; nothing here compares headers. */
@SuppressWarnings("ArrayRecordComponent")
public record RawHeader(String name, byte @Nullable [] value) {
  /** Shared by all records without headers. */
  public static final RawHeader[] NONE = {};
}
