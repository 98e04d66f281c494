package dev.anabranch.dedup;

import dev.anabranch.records.RecordId;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes 10 bytes, then the number: 11 to 17 bytes, because short blocks are mostly key. */
public final class StateKeySerializer extends ImmutableSerializer<StateKey> {
  private static final long serialVersionUID = 1L;

  @Override
  public void serialize(StateKey key, DataOutputView target) throws IOException {
    target.writeLong(key.high());
    target.writeShort((int) (key.low() >>> 48));
    Varints.write(key.low() & RecordId.MAX_SEQUENCE, target);
  }

  @Override
  public StateKey deserialize(DataInputView source) throws IOException {
    long high = source.readLong();
    long top = (long) source.readUnsignedShort() << 48;
    return new StateKey(high, top | Varints.read(source));
  }

  @Override
  public TypeSerializerSnapshot<StateKey> snapshotConfiguration() {
    return new Snapshot();
  }

  /** The format has no parameters, so its snapshot has none. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<StateKey> {
    public Snapshot() {
      super(StateKeySerializer::new);
    }
  }
}
