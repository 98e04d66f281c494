package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BlockCacheTest {
  private static final long TIME_MS = 1_800_000_000_000L;

  /** Keeps bytes, as the state does. */
  private static final class MapStore implements BlockStore {
    private final BlockCodec codec = new BlockCodec();
    private final Map<StateKey, byte[]> blocks = new HashMap<>();
    private final List<StateKey> reads = new ArrayList<>();
    private final List<StateKey> writes = new ArrayList<>();

    @Override
    public @Nullable Block read(StateKey key) {
      reads.add(key);
      byte[] bytes = blocks.get(key);
      return bytes == null ? null : codec.decode(key, bytes);
    }

    @Override
    public void write(Block block) {
      writes.add(block.key());
      blocks.put(block.key(), codec.encode(block));
    }
  }

  private final MapStore store = new MapStore();
  private final BlockCache cache = new BlockCache(2, store);

  @Test
  void leastRecentlyUsedBlockGoesAndComesBackAsItWas() throws Exception {
    cache.get(key(1)).add(7, TIME_MS);
    cache.get(key(2)).add(7, TIME_MS);
    cache.get(key(1));
    cache.get(key(3));
    assertThat(store.writes).containsExactly(key(2));
    assertThat(cache.size()).isEqualTo(2);
    assertThat(cache.get(key(2)).add(7, TIME_MS)).isFalse();
    assertThat(store.writes).containsExactly(key(2), key(1));
  }

  @Test
  void flushWritesEachChangeOnce() throws Exception {
    cache.get(key(1)).add(7, TIME_MS);
    cache.flush();
    cache.flush();
    assertThat(store.writes).containsExactly(key(1));
    cache.get(key(1)).add(7, TIME_MS);
    cache.flush();
    assertThat(store.writes).as("a duplicate changes nothing").containsExactly(key(1));
    cache.get(key(1)).add(7, TIME_MS + 60_000);
    cache.flush();
    assertThat(store.writes).as("a later time does").containsExactly(key(1), key(1));
  }

  @Test
  void cleanBlockGoesUnwritten() throws Exception {
    cache.get(key(1)).add(7, TIME_MS);
    cache.flush();
    cache.get(key(2));
    cache.get(key(3));
    cache.get(key(4));
    assertThat(store.writes).containsExactly(key(1));
  }

  @Test
  void forgottenBlockIsReadAgain() throws Exception {
    cache.get(key(1)).add(7, TIME_MS);
    cache.forget(key(1));
    assertThat(cache.peek(key(1))).isNull();
    assertThat(cache.get(key(1)).add(7, TIME_MS)).isTrue();
    assertThat(store.reads).containsExactly(key(1), key(1));
    assertThat(store.writes).isEmpty();
  }

  private static StateKey key(int number) {
    return new StateKey(number, number);
  }
}
