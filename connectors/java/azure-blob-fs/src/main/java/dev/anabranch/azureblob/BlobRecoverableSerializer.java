package dev.anabranch.azureblob;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.flink.core.fs.RecoverableWriter.CommitRecoverable;
import org.apache.flink.core.fs.RecoverableWriter.ResumeRecoverable;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * The form of a {@link BlobRecoverable} in checkpoints. Some 30 bytes and 20 a run, however many
 * blocks there are.
 */
final class BlobRecoverableSerializer {
  private static final int VERSION = 1;

  private BlobRecoverableSerializer() {}

  /** For files that go on. */
  static SimpleVersionedSerializer<ResumeRecoverable> resume() {
    return new Typed<>();
  }

  /** For files that wait for their commit. */
  static SimpleVersionedSerializer<CommitRecoverable> commit() {
    return new Typed<>();
  }

  private static byte[] write(BlobRecoverable file) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeUTF(file.name());
    out.writeLong(file.length());
    out.writeInt(file.runs().size());
    for (BlockIds run : file.runs()) {
      out.writeLong(run.run().getMostSignificantBits());
      out.writeLong(run.run().getLeastSignificantBits());
      out.writeInt(run.count());
    }
    return bytes.toByteArray();
  }

  private static BlobRecoverable read(int version, byte[] bytes) throws IOException {
    if (version != VERSION) {
      throw new IOException(
          "a file in this checkpoint has the form %d, of a newer version: this one knows %d"
              .formatted(version, VERSION));
    }
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
    String name = in.readUTF();
    long length = in.readLong();
    List<BlockIds> runs = new ArrayList<>();
    for (int left = in.readInt(); left > 0; left--) {
      runs.add(new BlockIds(new UUID(in.readLong(), in.readLong()), in.readInt()));
    }
    return new BlobRecoverable(name, runs, length);
  }

  /** Both of Flink's types are one class here. */
  private static final class Typed<T extends CommitRecoverable>
      implements SimpleVersionedSerializer<T> {
    @Override
    public int getVersion() {
      return VERSION;
    }

    @Override
    public byte[] serialize(T file) throws IOException {
      return write((BlobRecoverable) file);
    }

    @Override
    @SuppressWarnings("unchecked") // T is one of two interfaces, and BlobRecoverable has both
    public T deserialize(int version, byte[] bytes) throws IOException {
      return (T) read(version, bytes);
    }
  }
}
