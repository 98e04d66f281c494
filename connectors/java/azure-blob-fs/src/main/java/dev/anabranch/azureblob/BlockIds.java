package dev.anabranch.azureblob;

import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;

/**
 * Names of the blocks that one run of a writer stages: a random number, drawn anew whenever a file
 * is opened or resumed, and a count. So a writer that lives on beside its successor cannot replace
 * a block of it.
 *
 * @param run the random number
 * @param count how many blocks there are
 */
record BlockIds(UUID run, int count) {
  /** What Blob Storage takes in one blob. */
  static final int MOST = 50_000;

  static BlockIds none() {
    return new BlockIds(UUID.randomUUID(), 0);
  }

  BlockIds withOneMore() {
    return new BlockIds(run, count + 1);
  }

  /** The id of a block, counted from 0; all ids of a blob have the same length, as they must. */
  String id(int index) {
    ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * 2 + Integer.BYTES);
    bytes.putLong(run.getMostSignificantBits());
    bytes.putLong(run.getLeastSignificantBits());
    bytes.putInt(index);
    return Base64.getEncoder().encodeToString(bytes.array());
  }

  /** All ids, in the order of the blocks. */
  List<String> all() {
    return IntStream.range(0, count).mapToObj(this::id).toList();
  }

  /** The id of the block that was added last. */
  String last() {
    return id(count - 1);
  }
}
