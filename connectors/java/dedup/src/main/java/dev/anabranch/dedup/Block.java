package dev.anabranch.dedup;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** The sequences of one block that were seen, and until when they must be remembered. */
final class Block {
  private final StateKey key;
  private @Nullable BitSet seen;
  private int count;
  private long minute;
  private boolean dirty;
  private boolean stored;

  /** An empty block, of which the state knows nothing. */
  Block(StateKey key) {
    this(key, new BitSet(0), 0, false);
  }

  /**
   * @param seen the sequences that were seen, by index; null when it is all of them
   * @param minute the newest create time, in minutes since 1970
   * @param stored whether the state holds it
   */
  Block(StateKey key, @Nullable BitSet seen, long minute, boolean stored) {
    this.key = key;
    this.seen = seen;
    this.count = seen == null ? BlockLayout.BLOCK : seen.cardinality();
    this.minute = minute;
    this.stored = stored;
  }

  /**
   * Marks a sequence as seen.
   *
   * @return false if it was seen before
   */
  boolean add(int index, long timestampMs) {
    remember(timestampMs);
    BitSet bits = seen;
    if (bits == null || bits.get(index)) {
      return false;
    }
    bits.set(index);
    count++;
    if (count == BlockLayout.BLOCK) {
      seen = null;
    }
    dirty = true;
    return true;
  }

  /** A duplicate with a later time keeps the block, too: its copies may come later still. */
  private void remember(long timestampMs) {
    long newest = Minutes.of(timestampMs);
    if (newest > minute) {
      minute = newest;
      dirty = true;
    }
  }

  StateKey key() {
    return key;
  }

  /** The sequences that were seen, or null when it is all of them. Not to be changed. */
  @Nullable BitSet seen() {
    return seen;
  }

  long minute() {
    return minute;
  }

  /** Whether the state holds this block, perhaps an older form of it. */
  boolean stored() {
    return stored;
  }

  /** Whether the state does not know all that this block knows. */
  boolean dirty() {
    return dirty;
  }

  /** The state now holds this block as it is. */
  void written() {
    dirty = false;
    stored = true;
  }
}
