package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.util.HexFormat;
import java.util.Random;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Blocks as bytes: right in every shape, and short. */
class BlockCodecTest {
  private static final StateKey KEY = new StateKey(1, 2);
  private static final long TIME_MS = 1_800_000_000_000L;

  private final BlockCodec codec = new BlockCodec();

  @ParameterizedTest
  @ValueSource(doubles = {0.0003, 0.003, 0.03, 0.3, 0.5, 0.9, 0.99, 0.999})
  void anyDensityRoundTripsInLittleMoreThanItsBitmap(double density) {
    Random random = new Random(3);
    for (int round = 0; round < 50; round++) {
      Block block = new Block(KEY);
      for (int i = 0; i < BlockLayout.BLOCK; i++) {
        if (random.nextDouble() < density) {
          block.add(i, TIME_MS);
        }
      }
      byte[] bytes = codec.encode(block);
      assertThat(bytes.length).isLessThanOrEqualTo(BlockLayout.BLOCK / 8 + 8);
      Block decoded = codec.decode(KEY, bytes);
      assertThat(decoded.seen()).isEqualTo(block.seen());
      assertThat(decoded.minute()).isEqualTo(block.minute());
      assertThat(decoded.stored()).isTrue();
      assertThat(decoded.dirty()).isFalse();
      assertThat(codec.encode(decoded)).isEqualTo(bytes);
    }
  }

  @Test
  void completeBlockIsAMarkerAndStaysComplete() {
    Block block = blockOf(0, BlockLayout.BLOCK);
    assertThat(block.seen()).isNull();
    byte[] bytes = codec.encode(block);
    assertThat(bytes).hasSize(5);
    Block decoded = codec.decode(KEY, bytes);
    assertThat(decoded.seen()).isNull();
    assertThat(decoded.add(4095, TIME_MS)).isFalse();
  }

  @Test
  void lastMissingIdCompletesADecodedBlock() {
    Block block = blockOf(0, BlockLayout.BLOCK - 1);
    Block decoded = codec.decode(KEY, codec.encode(block));
    assertThat(decoded.add(BlockLayout.BLOCK - 1, TIME_MS)).isTrue();
    assertThat(decoded.seen()).isNull();
  }

  @Test
  void shortSequenceAndSingleIdTakeAFewBytes() {
    assertThat(codec.encode(blockOf(0, 500))).hasSizeLessThanOrEqualTo(8);
    assertThat(codec.encode(blockOf(3000, 3001))).hasSizeLessThanOrEqualTo(8);
  }

  @Test
  void formatIsFixed() {
    // 1.8e12 ms are minute 30,000,000, which as a number of 7 bits a byte is 80 87 a7 0e.
    assertThat(HexFormat.of().formatHex(codec.encode(blockOf(0, BlockLayout.BLOCK))))
        .isEqualTo("008087a70e");
    assertThat(HexFormat.of().formatHex(codec.encode(blockOf(200, 500))))
        .isEqualTo("018087a70e" + "c801" + "ac02");
    Block everyThird = new Block(KEY);
    for (int i = 24; i < 48; i += 3) {
      everyThird.add(i, TIME_MS);
    }
    assertThat(HexFormat.of().formatHex(codec.encode(everyThird)))
        .isEqualTo("028087a70e" + "03" + "499224");
  }

  @Test
  void damagedBytesAreAnErrorAndNotAnEmptyBlock() {
    assertThatThrownBy(() -> codec.decode(KEY, new byte[] {7, 1}))
        .isInstanceOf(UncheckedIOException.class);
    assertThatThrownBy(() -> codec.decode(KEY, new byte[] {1, 1, 5}))
        .isInstanceOf(UncheckedIOException.class);
  }

  @Test
  void bytesRoundTripThroughTheirSerializer() throws Exception {
    CompactBytesSerializer serializer = new CompactBytesSerializer();
    var out = new DataOutputSerializer(8);
    byte[] bytes = codec.encode(blockOf(0, 500));
    serializer.serialize(bytes, out);
    serializer.serialize(new byte[300], out);
    var in = new DataInputDeserializer(out.getCopyOfBuffer());
    assertThat(serializer.deserialize(in)).isEqualTo(bytes);
    assertThat(serializer.deserialize(in)).hasSize(300);
  }

  private static Block blockOf(int from, int to) {
    Block block = new Block(KEY);
    for (int i = from; i < to; i++) {
      block.add(i, TIME_MS);
    }
    return block;
  }
}
