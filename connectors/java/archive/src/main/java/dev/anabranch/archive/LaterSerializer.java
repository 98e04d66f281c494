package dev.anabranch.archive;

import java.io.IOException;
import java.util.function.Supplier;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.jspecify.annotations.Nullable;

/**
 * A serializer that is made when something is serialized. The file sink makes its own by opening
 * the file system, also where a job is merely planned: whoever submits it would need the plugin of
 * that file system, and access.
 */
final class LaterSerializer<T> implements SimpleVersionedSerializer<T> {
  private final Supplier<SimpleVersionedSerializer<T>> made;
  private @Nullable SimpleVersionedSerializer<T> known;

  LaterSerializer(Supplier<SimpleVersionedSerializer<T>> made) {
    this.made = made;
  }

  @Override
  public int getVersion() {
    return serializer().getVersion();
  }

  @Override
  public byte[] serialize(T value) throws IOException {
    return serializer().serialize(value);
  }

  @Override
  public T deserialize(int version, byte[] bytes) throws IOException {
    return serializer().deserialize(version, bytes);
  }

  private SimpleVersionedSerializer<T> serializer() {
    SimpleVersionedSerializer<T> serializer = known;
    if (serializer == null) {
      serializer = made.get();
      known = serializer;
    }
    return serializer;
  }
}
