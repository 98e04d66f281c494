package dev.anabranch.dedup;

import dev.anabranch.records.RecordId;

/**
 * Which block an id belongs to, and where in it.
 *
 * <p>A sequence is cut into grains of 512, which are dealt out in turn to 16 stripes; a block is 8
 * grains of one stripe. So a sequence of up to 512 records has one block, and a producer that
 * writes fast moves on to another block, hence mostly to another subtask, after 512 records: no
 * producer is a hot key.
 *
 * <pre>
 *   bits of the sequence   47 … 16      15 … 13       12 … 9    8 … 0
 *                          superblock   grain         stripe    place in the grain
 *   block number           superblock                 stripe
 *   index in the block                  grain                   place
 * </pre>
 *
 * This is part of the state's format: never change it.
 */
final class BlockLayout {
  /** Sequences in a block. 4,096 make a bitmap of 512 bytes: cheap to read and to write whole. */
  static final int BLOCK = 4096;

  private static final int GRAIN_BITS = 9;
  private static final int STRIPE_BITS = 4;
  private static final int GRAIN_SHIFT = GRAIN_BITS + STRIPE_BITS;
  private static final int SUPERBLOCK_SHIFT = 16;
  private static final long PLACE_MASK = (1 << GRAIN_BITS) - 1;
  private static final long STRIPE_MASK = (1 << STRIPE_BITS) - 1;
  private static final long GRAIN_MASK = BLOCK / (1 << GRAIN_BITS) - 1;
  private static final long INCARNATION_MASK = ~RecordId.MAX_SEQUENCE;

  private BlockLayout() {}

  static StateKey keyOf(RecordId id) {
    return new StateKey(id.high(), keyLow(id.low()));
  }

  /** The lower half of the key of the block that an id with this lower half belongs to. */
  static long keyLow(long low) {
    long superblock = (low & RecordId.MAX_SEQUENCE) >>> SUPERBLOCK_SHIFT;
    long stripe = (low >>> GRAIN_BITS) & STRIPE_MASK;
    return (low & INCARNATION_MASK) | (superblock << STRIPE_BITS) | stripe;
  }

  /** The place in its block of an id with this lower half, 0 to 4,095. */
  static int indexOf(long low) {
    return (int) ((low & PLACE_MASK) | (((low >>> GRAIN_SHIFT) & GRAIN_MASK) << GRAIN_BITS));
  }
}
