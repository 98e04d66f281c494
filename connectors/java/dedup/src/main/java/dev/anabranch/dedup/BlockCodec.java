package dev.anabranch.dedup;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.BitSet;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.jspecify.annotations.Nullable;

/**
 * A block as bytes: its kind, its newest minute, then what was seen, in the shorter of two forms.
 *
 * <ul>
 *   <li>complete: nothing more
 *   <li>runs: how many are missing, how many follow, and so on by turns, until the bytes end
 *   <li>bitmap: how many bytes of zeros are left out before it, then the bitmap without the zeros
 *       at its end
 * </ul>
 */
final class BlockCodec {
  private static final int COMPLETE = 0;
  private static final int RUNS = 1;
  private static final int BITMAP = 2;

  /** The shortest run: one number for the gap before it, one for its length. */
  private static final int RUN_BYTES = 2;

  private final DataOutputSerializer out = new DataOutputSerializer(BlockLayout.BLOCK / 8 + 16);
  private final DataInputDeserializer in = new DataInputDeserializer();

  byte[] encode(Block block) {
    try {
      BitSet seen = block.seen();
      if (seen == null) {
        start(COMPLETE, block);
      } else {
        byte[] bitmap = seen.toByteArray();
        int zeros = leadingZeros(bitmap);
        if (!encodeRuns(block, seen, bitmap.length - zeros)) {
          start(BITMAP, block);
          Varints.write(zeros, out);
          out.write(bitmap, zeros, bitmap.length - zeros);
        }
      }
      return out.getCopyOfBuffer();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Block decode(StateKey key, byte[] bytes) {
    in.setBuffer(bytes);
    try {
      int kind = in.readByte();
      long minute = Varints.read(in);
      return new Block(key, decodeSeen(kind), minute, true);
    } catch (IOException e) {
      throw new UncheckedIOException("a block in the state is damaged", e);
    }
  }

  private @Nullable BitSet decodeSeen(int kind) throws IOException {
    return switch (kind) {
      case COMPLETE -> null;
      case RUNS -> decodeRuns();
      case BITMAP -> decodeBitmap();
      default -> throw new IOException("a block of unknown kind " + kind);
    };
  }

  private void start(int kind, Block block) throws IOException {
    out.clear();
    out.writeByte(kind);
    Varints.write(block.minute(), out);
  }

  /** Returns false when the runs are going to be longer than the bitmap's bytes. */
  private boolean encodeRuns(Block block, BitSet seen, int bitmapBytes) throws IOException {
    start(RUNS, block);
    int limit = out.length() + bitmapBytes + 1;
    int end = 0;
    for (int from = seen.nextSetBit(0); from >= 0; from = seen.nextSetBit(end)) {
      if (out.length() + RUN_BYTES > limit) {
        return false;
      }
      Varints.write(from - end, out);
      end = seen.nextClearBit(from);
      Varints.write(end - from, out);
    }
    return true;
  }

  private BitSet decodeRuns() throws IOException {
    BitSet seen = new BitSet();
    int end = 0;
    while (in.available() > 0) {
      int from = end + (int) Varints.read(in);
      end = from + (int) Varints.read(in);
      seen.set(from, end);
    }
    return seen;
  }

  private BitSet decodeBitmap() throws IOException {
    int zeros = (int) Varints.read(in);
    byte[] bitmap = new byte[zeros + in.available()];
    in.readFully(bitmap, zeros, bitmap.length - zeros);
    return BitSet.valueOf(bitmap);
  }

  private static int leadingZeros(byte[] bitmap) {
    int zeros = 0;
    while (zeros < bitmap.length && bitmap[zeros] == 0) {
      zeros++;
    }
    return zeros;
  }
}
