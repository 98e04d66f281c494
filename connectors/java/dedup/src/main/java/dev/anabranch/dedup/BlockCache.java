package dev.anabranch.dedup;

import java.util.Iterator;
import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The blocks in use, on the heap, least recently used first. What changes here reaches the store
 * when the block has to go, or at {@link #flush}.
 *
 * <p>Without it, each record would read and write a block of RocksDB: 5 to 10 µs instead of 0.1.
 */
final class BlockCache {
  private static final float LOAD_FACTOR = 0.75f;

  private final int capacity;
  private final BlockStore store;
  private final LinkedHashMap<StateKey, Block> blocks =
      new LinkedHashMap<>(16, LOAD_FACTOR, /* accessOrder= */ true);

  BlockCache(int capacity, BlockStore store) {
    this.capacity = capacity;
    this.store = store;
  }

  /** The block of that key: from the cache, else from the store, else a new one. */
  Block get(StateKey key) throws Exception {
    Block block = blocks.get(key);
    if (block == null) {
      block = store.read(key);
      if (block == null) {
        block = new Block(key);
      }
      makeRoom();
      blocks.put(key, block);
    }
    return block;
  }

  /** The block of that key if it is here, else null. */
  @Nullable Block peek(StateKey key) {
    return blocks.get(key);
  }

  /** Writes all that the store does not know yet. */
  void flush() throws Exception {
    for (Block block : blocks.values()) {
      if (block.dirty()) {
        store.write(block);
        block.written();
      }
    }
  }

  /** Drops the block of that key unwritten. */
  void forget(StateKey key) {
    blocks.remove(key);
  }

  int size() {
    return blocks.size();
  }

  private void makeRoom() throws Exception {
    if (blocks.size() < capacity) {
      return;
    }
    Iterator<Block> eldestFirst = blocks.values().iterator();
    Block eldest = eldestFirst.next();
    eldestFirst.remove();
    if (eldest.dirty()) {
      store.write(eldest);
    }
  }
}
