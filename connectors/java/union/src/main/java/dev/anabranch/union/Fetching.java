package dev.anabranch.union;

import dev.anabranch.topology.Primary;

/** What a {@link SplitBoard} has done for it: by fetchers, or by a test. */
interface Fetching {
  /** Reads a log on a primary, from the order's offset. */
  void read(String primary, Primary how, FetchOrder order);

  /** Reads it there no longer. */
  void drop(String primary, String splitId);

  /** Stops or resumes reading it, for watermark alignment. */
  void pause(String primary, String splitId, boolean paused);

  /** The primary is to be reached in that way from now on; nothing to do if it was before. */
  void reach(String primary, Primary how);
}
