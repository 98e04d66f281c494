package dev.anabranch.records;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.jspecify.annotations.Nullable;

/**
 * Writes raw records between operators. Every origin is written whole, but decoded only when it
 * differs from the one before: records come in runs of one split.
 */
public final class RawRecordSerializer extends TypeSerializer<RawRecord> {
  private static final long serialVersionUID = 1L;
  private static final int NULL = -1;
  private static final int FOREIGN = 1;
  private static final int HAS_EPOCH = 2;

  private transient @Nullable Origin lastOrigin;

  @Override
  public boolean isImmutableType() {
    return true;
  }

  @Override
  public TypeSerializer<RawRecord> duplicate() {
    return new RawRecordSerializer();
  }

  @Override
  public @Nullable RawRecord createInstance() {
    return null;
  }

  @Override
  public RawRecord copy(RawRecord from) {
    return from;
  }

  @Override
  public RawRecord copy(RawRecord from, RawRecord reuse) {
    return from;
  }

  @Override
  public int getLength() {
    return -1;
  }

  @Override
  public void serialize(RawRecord record, DataOutputView target) throws IOException {
    writeBytes(record.origin().encoded(), target);
    target.writeLong(record.offset());
    target.writeLong(record.timestampMs());
    writeBytes(record.key(), target);
    writeBytes(record.value(), target);
    target.writeLong(record.id().high());
    target.writeLong(record.id().low());
    writeMarks(record, target);
    RawHeader[] headers = record.headers();
    // Kafka bounds neither the number of headers nor the length of a name.
    target.writeInt(headers.length);
    for (RawHeader header : headers) {
      writeBytes(header.name().getBytes(UTF_8), target);
      writeBytes(header.value(), target);
    }
  }

  @Override
  public RawRecord deserialize(DataInputView source) throws IOException {
    Origin origin = readOrigin(source);
    long offset = source.readLong();
    long timestampMs = source.readLong();
    byte[] key = readBytes(source);
    byte[] value = readBytes(source);
    RecordId id = new RecordId(source.readLong(), source.readLong());
    // Versions before wrote a boolean here, which is a 0 or a 1, and had no epochs.
    int marks = source.readUnsignedByte();
    int leaderEpoch = (marks & HAS_EPOCH) == 0 ? RawRecord.NO_EPOCH : source.readInt();
    int count = source.readInt();
    RawHeader[] headers = count == 0 ? RawHeader.NONE : new RawHeader[count];
    for (int i = 0; i < count; i++) {
      headers[i] = new RawHeader(readName(source), readBytes(source));
    }
    boolean foreign = (marks & FOREIGN) != 0;
    return new RawRecord(
        origin, offset, leaderEpoch, timestampMs, key, value, id, foreign, headers);
  }

  @Override
  public RawRecord deserialize(RawRecord reuse, DataInputView source) throws IOException {
    return deserialize(source);
  }

  @Override
  public void copy(DataInputView source, DataOutputView target) throws IOException {
    serialize(deserialize(source), target);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RawRecordSerializer;
  }

  @Override
  public int hashCode() {
    return RawRecordSerializer.class.hashCode();
  }

  @Override
  public TypeSerializerSnapshot<RawRecord> snapshotConfiguration() {
    return new Snapshot();
  }

  private static void writeMarks(RawRecord record, DataOutputView target) throws IOException {
    boolean hasEpoch = record.leaderEpoch() != RawRecord.NO_EPOCH;
    target.writeByte((record.foreign() ? FOREIGN : 0) | (hasEpoch ? HAS_EPOCH : 0));
    if (hasEpoch) {
      target.writeInt(record.leaderEpoch());
    }
  }

  private Origin readOrigin(DataInputView source) throws IOException {
    byte[] encoded = readBytes(source);
    if (encoded == null) {
      throw new IOException("a raw record without origin");
    }
    Origin last = lastOrigin;
    if (last == null || !Arrays.equals(last.encoded(), encoded)) {
      last = Origin.decode(encoded);
      lastOrigin = last;
    }
    return last;
  }

  private static String readName(DataInputView source) throws IOException {
    byte[] name = readBytes(source);
    if (name == null) {
      throw new IOException("a header without a name");
    }
    return new String(name, UTF_8);
  }

  private static void writeBytes(byte @Nullable [] bytes, DataOutputView target)
      throws IOException {
    if (bytes == null) {
      target.writeInt(NULL);
    } else {
      target.writeInt(bytes.length);
      target.write(bytes);
    }
  }

  private static byte @Nullable [] readBytes(DataInputView source) throws IOException {
    int length = source.readInt();
    if (length == NULL) {
      return null;
    }
    byte[] bytes = new byte[length];
    source.readFully(bytes);
    return bytes;
  }

  /** The format has no parameters, so its snapshot has none. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<RawRecord> {
    public Snapshot() {
      super(RawRecordSerializer::new);
    }
  }
}
