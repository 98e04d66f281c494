package dev.anabranch.union;

import org.apache.kafka.common.ClusterResource;
import org.apache.kafka.common.ClusterResourceListener;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;

/**
 * Hands bytes through, and counts the metadata updates of the consumer that it belongs to. A
 * consumer goes over to a re-created topic or a wiped cluster without a word, but never without a
 * metadata update: so records that were polled after one are held until the log's identity has been
 * compared again.
 */
final class MetadataWatch implements Deserializer<byte[]>, ClusterResourceListener {
  private volatile int updates;

  /** How many metadata updates there have been. */
  int updates() {
    return updates;
  }

  @Override
  @SuppressWarnings("NonAtomicVolatileUpdate") // One consumer, one thread that updates metadata.
  public void onUpdate(ClusterResource cluster) {
    updates = updates + 1;
  }

  @Override
  public byte @Nullable [] deserialize(String topic, byte @Nullable [] data) {
    return data;
  }
}
