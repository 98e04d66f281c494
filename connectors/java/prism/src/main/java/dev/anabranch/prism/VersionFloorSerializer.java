package dev.anabranch.prism;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Two longs, big-endian. */
final class VersionFloorSerializer implements SimpleVersionedSerializer<VersionFloor> {
  @Override
  public int getVersion() {
    return 1;
  }

  @Override
  public byte[] serialize(VersionFloor floor) {
    return ByteBuffer.allocate(16).putLong(floor.ceiling()).putLong(floor.atMs()).array();
  }

  @Override
  public VersionFloor deserialize(int version, byte[] bytes) throws IOException {
    if (version != 1 || bytes.length != 16) {
      throw new IOException(
          "unknown writer state: version " + version + ", " + bytes.length + " bytes");
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new VersionFloor(buffer.getLong(), buffer.getLong());
  }
}
