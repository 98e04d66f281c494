package dev.anabranch.union;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Writes splits into checkpoints. A new field means a new version that still reads the old ones.
 */
final class UnionSplitSerializer implements SimpleVersionedSerializer<UnionSplit> {
  static final int VERSION = 2;

  /** The last version without the ids of former topics. */
  private static final int WITHOUT_FORMER = 1;

  @Override
  public int getVersion() {
    return VERSION;
  }

  @Override
  public byte[] serialize(UnionSplit split) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(128);
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      write(split, out);
    }
    return bytes.toByteArray();
  }

  @Override
  public UnionSplit deserialize(int version, byte[] serialized) throws IOException {
    if (version < WITHOUT_FORMER || version > VERSION) {
      throw new IOException(
          "a union split of version " + version + "; this reader knows versions 1 to " + VERSION);
    }
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(serialized))) {
      UnionSplit split = read(in);
      return version <= WITHOUT_FORMER ? split : split.behind(readIds(in));
    }
  }

  private static void write(UnionSplit split, DataOutputStream out) throws IOException {
    out.writeUTF(split.log().clusterId());
    out.writeUTF(split.log().topicId());
    out.writeInt(split.log().partition());
    out.writeUTF(split.primary());
    out.writeUTF(split.topic());
    out.writeLong(split.nextOffset());
    out.writeInt(split.leaderEpoch());
    out.writeLong(split.stopOffset());
    out.writeLong(split.reportedTo());
    LossReport.Kind lost = split.lost();
    out.writeUTF(lost == null ? "" : lost.name());
    out.writeInt(split.formerTopicIds().size());
    for (String topicId : split.formerTopicIds()) {
      out.writeUTF(topicId);
    }
  }

  private static UnionSplit read(DataInputStream in) throws IOException {
    LogId log = new LogId(in.readUTF(), in.readUTF(), in.readInt());
    String primary = in.readUTF();
    String topic = in.readUTF();
    long nextOffset = in.readLong();
    int leaderEpoch = in.readInt();
    long stopOffset = in.readLong();
    long reportedTo = in.readLong();
    String lost = in.readUTF();
    return new UnionSplit(
        log,
        primary,
        topic,
        nextOffset,
        leaderEpoch,
        stopOffset,
        reportedTo,
        lost.isEmpty() ? null : LossReport.Kind.valueOf(lost),
        Set.of());
  }

  private static Set<String> readIds(DataInputStream in) throws IOException {
    Set<String> ids = new HashSet<>();
    for (int left = in.readInt(); left > 0; left--) {
      ids.add(in.readUTF());
    }
    return ids;
  }
}
