package dev.anabranch.dedup;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Bytes with a length of one byte where Flink's own takes four: an id alone has eight. */
public final class CompactBytesSerializer extends ImmutableSerializer<byte[]> {
  private static final long serialVersionUID = 1L;

  @Override
  public void serialize(byte[] bytes, DataOutputView target) throws IOException {
    Varints.write(bytes.length, target);
    target.write(bytes);
  }

  @Override
  public byte[] deserialize(DataInputView source) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(Varints.read(source))];
    source.readFully(bytes);
    return bytes;
  }

  @Override
  public TypeSerializerSnapshot<byte[]> snapshotConfiguration() {
    return new Snapshot();
  }

  /** The format has no parameters, so its snapshot has none. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<byte[]> {
    public Snapshot() {
      super(CompactBytesSerializer::new);
    }
  }
}
