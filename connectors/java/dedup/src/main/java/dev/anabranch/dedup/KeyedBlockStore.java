package dev.anabranch.dedup;

import java.util.function.LongConsumer;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.jspecify.annotations.Nullable;

/** Blocks in Flink's keyed state, each with one timer from its first write until it is cleared. */
final class KeyedBlockStore implements BlockStore {
  private final KeyedStateBackend<StateKey> backend;
  private final ValueState<byte[]> state;
  private final LongConsumer expireAfter;
  private final BlockCodec codec = new BlockCodec();

  /**
   * @param expireAfter sets a timer for the current key, given the minute it must outlast
   */
  KeyedBlockStore(
      KeyedStateBackend<StateKey> backend, ValueState<byte[]> state, LongConsumer expireAfter) {
    this.backend = backend;
    this.state = state;
    this.expireAfter = expireAfter;
  }

  @Override
  public @Nullable Block read(StateKey key) throws Exception {
    backend.setCurrentKey(key);
    byte[] bytes = state.value();
    return bytes == null ? null : codec.decode(key, bytes);
  }

  @Override
  public void write(Block block) throws Exception {
    backend.setCurrentKey(block.key());
    state.update(codec.encode(block));
    if (!block.stored()) {
      expireAfter.accept(block.minute());
    }
  }

  /** Forgets the block of that key. */
  void clear(StateKey key) {
    backend.setCurrentKey(key);
    state.clear();
  }
}
