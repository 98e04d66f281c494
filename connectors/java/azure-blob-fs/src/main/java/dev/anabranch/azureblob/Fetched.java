package dev.anabranch.azureblob;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Bytes as they come from a connection, in pieces: it takes no more memory than what has come, and
 * nothing is moved when more comes than was guessed.
 */
final class Fetched extends OutputStream {
  private static final int PIECE = 64 * 1024;
  private static final int FIRST_PIECE = 8 * 1024;

  private final int atMost;
  private final List<byte[]> pieces = new ArrayList<>();
  private int size;

  /** For at most so many bytes. */
  Fetched(int atMost) {
    this.atMost = atMost;
  }

  /** How many bytes have come. */
  int size() {
    return size;
  }

  /** Copies some of them out. */
  void copy(int from, byte[] into, int offset, int length) {
    for (int done = 0; done < length; ) {
      int at = (from + done) % PIECE;
      int part = Math.min(length - done, PIECE - at);
      System.arraycopy(pieces.get((from + done) / PIECE), at, into, offset + done, part);
      done += part;
    }
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] from, int offset, int length) throws IOException {
    if (size + length > atMost) {
      throw new IOException("more bytes came than were asked for");
    }
    for (int done = 0; done < length; ) {
      int at = size % PIECE;
      int part = Math.min(length - done, PIECE - at);
      System.arraycopy(from, offset + done, piece(at, part), at, part);
      size += part;
      done += part;
    }
  }

  /** The last piece, with room for so much from there on: most state files are small. */
  private byte[] piece(int at, int part) {
    if (at == 0) {
      boolean small = size == 0 && part <= FIRST_PIECE;
      pieces.add(new byte[small ? part : Math.min(PIECE, atMost - size)]);
    }
    int last = pieces.size() - 1;
    if (at + part > pieces.get(last).length) {
      pieces.set(last, Arrays.copyOf(pieces.get(last), Math.min(PIECE, atMost - size + at)));
    }
    return pieces.get(last);
  }
}
