package dev.anabranch.restore;

import org.apache.flink.core.fs.Path;

/**
 * A file that a restore point refers to.
 *
 * @param path absolute
 * @param bytes that it must have; of one that others are in, too, that it must have at least
 * @param exact whether it must have neither more nor less
 */
record StateFile(Path path, long bytes, boolean exact) {
  /** Both, of one file. */
  StateFile and(StateFile other) {
    return new StateFile(path, Math.max(bytes, other.bytes), exact || other.exact);
  }
}
