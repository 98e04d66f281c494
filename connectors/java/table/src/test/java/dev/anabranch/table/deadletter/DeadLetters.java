package dev.anabranch.table.deadletter;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/** Reads dead letters in tests. */
public final class DeadLetters {
  private DeadLetters() {}

  /** Decodes the value of a record on a stream of dead letters. */
  public static GenericRecord decode(byte[] value) {
    try {
      return new GenericDatumReader<GenericRecord>(DeadLetterEncoder.loadSchema())
          .read(null, DecoderFactory.get().binaryDecoder(value, null));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The bytes of a field. */
  public static byte[] bytes(GenericRecord letter, String field) {
    ByteBuffer buffer = ((ByteBuffer) letter.get(field)).duplicate();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }
}
