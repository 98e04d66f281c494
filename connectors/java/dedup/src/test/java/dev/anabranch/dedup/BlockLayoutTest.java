package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Random;
import java.util.Set;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.junit.jupiter.api.Test;

/** Where ids live. Constants here are the state's format: they must not change. */
class BlockLayoutTest {
  private static final long INCARNATION_LOW = 0xABCD_0000_0000_0000L;

  @Test
  void everyIdHasAPlaceOfItsOwn() {
    Set<String> places = new HashSet<>();
    int ids = 3 * 65_536;
    for (long sequence = 0; sequence < ids; sequence++) {
      int index = BlockLayout.indexOf(INCARNATION_LOW | sequence);
      assertThat(index).isBetween(0, BlockLayout.BLOCK - 1);
      places.add(BlockLayout.keyLow(INCARNATION_LOW | sequence) + "/" + index);
    }
    assertThat(places).hasSize(ids);
    long blocks = places.stream().map(place -> place.split("/")[0]).distinct().count();
    assertThat(blocks).isEqualTo(ids / BlockLayout.BLOCK);
  }

  @Test
  void highBitsOfTheSequenceAndTheIncarnationTellBlocksApart() {
    Set<Long> keys = new HashSet<>();
    for (int bit = 16; bit < 64; bit++) {
      assertThat(BlockLayout.indexOf(1L << bit)).isZero();
      keys.add(BlockLayout.keyLow(1L << bit));
    }
    assertThat(keys).hasSize(48).doesNotContain(BlockLayout.keyLow(0));
  }

  @Test
  void sequenceOfUpTo512HasOneBlock() {
    Set<Long> keys = new HashSet<>();
    for (long sequence = 0; sequence < 512; sequence++) {
      keys.add(BlockLayout.keyLow(sequence));
    }
    assertThat(keys).hasSize(1);
    assertThat(BlockLayout.keyLow(512)).isNotIn(keys);
  }

  @Test
  void oneProducerKeepsAllSubtasksBusy() {
    int[] records = new int[4];
    int produced = 1_000_000;
    for (long sequence = 0; sequence < produced; sequence++) {
      StateKey key = BlockLayout.keyOf(RecordId.supplied("producer", sequence & 0xF_FFFF));
      records[KeyGroupRangeAssignment.assignKeyToParallelOperator(key, 128, 4)]++;
      sequence += 511; // a grain stays together
    }
    int grains = produced / 512;
    for (int count : records) {
      assertThat(count).isBetween(grains * 15 / 100, grains * 35 / 100);
    }
  }

  @Test
  void hashAndBytesOfAKeyAreFixed() throws Exception {
    StateKey key = BlockLayout.keyOf(RecordId.supplied("run-1", 70_000));
    assertThat(key).isEqualTo(new StateKey(0x4e65d3fbe8ad6535L, 0x681b_0000_0000_0018L));
    assertThat(key.hashCode()).isEqualTo(HASH_OF_RUN_1);
    assertThat(HexFormat.of().formatHex(bytes(key))).isEqualTo("4e65d3fbe8ad6535681b18");
  }

  @Test
  void keysRoundTrip() throws Exception {
    Random random = new Random(5);
    StateKeySerializer serializer = new StateKeySerializer();
    for (int i = 0; i < 1_000; i++) {
      StateKey key = new StateKey(random.nextLong(), random.nextLong() >> random.nextInt(48));
      byte[] bytes = bytes(key);
      assertThat(bytes.length).isBetween(11, 17);
      assertThat(serializer.deserialize(new DataInputDeserializer(bytes))).isEqualTo(key);
    }
  }

  private static byte[] bytes(StateKey key) throws Exception {
    DataOutputSerializer out = new DataOutputSerializer(32);
    new StateKeySerializer().serialize(key, out);
    return out.getCopyOfBuffer();
  }

  private static final int HASH_OF_RUN_1 = -1952287427;
}
