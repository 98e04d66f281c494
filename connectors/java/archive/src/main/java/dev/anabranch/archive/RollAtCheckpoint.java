package dev.anabranch.archive;

import dev.anabranch.records.RawRecord;
import java.io.IOException;
import org.apache.flink.streaming.api.functions.sink.filesystem.PartFileInfo;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.CheckpointRollingPolicy;

/**
 * Ends a file at each checkpoint, as files with a compressed block in them must, or when it is
 * full.
 */
final class RollAtCheckpoint extends CheckpointRollingPolicy<RawRecord, String> {
  /** A size that readers of data lakes like; smaller than that only by a checkpoint. */
  static final long MAX_BYTES = 128L << 20;

  private static final long serialVersionUID = 1L;

  private final long maxBytes;

  RollAtCheckpoint(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  @Override
  public boolean shouldRollOnEvent(PartFileInfo<String> file, RawRecord record) throws IOException {
    return file.getSize() >= maxBytes;
  }

  /** Time is the checkpoint's. */
  @Override
  public boolean shouldRollOnProcessingTime(PartFileInfo<String> file, long now) {
    return false;
  }
}
