package dev.anabranch.table.decode;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.table.deadletter.Reason;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import org.jspecify.annotations.Nullable;

/**
 * Text must be valid UTF-8: decoders replace a bad byte by U+FFFD and go on, so that a wrong value
 * would be computed with.
 */
final class Utf8Check implements BytesCheck {
  private static final long serialVersionUID = 1L;
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long HIGH_BITS = 0x8080_8080_8080_8080L;

  private transient @Nullable CharsetDecoder decoder;
  private transient @Nullable CharBuffer scratch;

  @Override
  public void check(byte[] bytes) throws UndecodableException {
    int start = asciiPrefix(bytes);
    if (start < bytes.length) {
      checkFrom(bytes, start);
    }
  }

  /** Length of the ASCII that the bytes begin with, which is nearly always all of them. */
  private static int asciiPrefix(byte[] bytes) {
    int i = 0;
    while (i + Long.BYTES <= bytes.length && ((long) LONGS.get(bytes, i) & HIGH_BITS) == 0) {
      i += Long.BYTES;
    }
    while (i < bytes.length && bytes[i] >= 0) {
      i++;
    }
    return i;
  }

  private void checkFrom(byte[] bytes, int start) throws UndecodableException {
    CharsetDecoder strict = decoder();
    CharBuffer chars = scratch();
    ByteBuffer in = ByteBuffer.wrap(bytes, start, bytes.length - start);
    CoderResult result;
    do {
      chars.clear();
      result = strict.decode(in, chars, true);
    } while (result.isOverflow());
    if (result.isError()) {
      throw new UndecodableException(
          Reason.WRONG_ENCODING,
          "byte 0x%02x at position %d is not valid UTF-8"
              .formatted(bytes[in.position()] & 0xff, in.position()));
    }
  }

  private CharsetDecoder decoder() {
    CharsetDecoder strict = decoder;
    if (strict == null) {
      strict =
          UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .onUnmappableCharacter(CodingErrorAction.REPORT);
      decoder = strict;
    }
    return strict.reset();
  }

  private CharBuffer scratch() {
    CharBuffer chars = scratch;
    if (chars == null) {
      chars = CharBuffer.allocate(1024);
      scratch = chars;
    }
    return chars;
  }
}
