package dev.anabranch.dedup;

import org.jspecify.annotations.Nullable;

/** Where blocks are kept that the cache has no room for. Called by the task thread only. */
interface BlockStore {
  /** The block as it was last written, or null if there is none. */
  @Nullable Block read(StateKey key) throws Exception;

  /** Writes a dirty block. */
  void write(Block block) throws Exception;
}
