package dev.anabranch.prism;

import org.apache.kafka.common.ClusterResource;
import org.apache.kafka.common.ClusterResourceListener;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * Hears which Kafka cluster a producer writes to: its serializers are told with all metadata, so
 * that nobody need ask.
 */
final class ClusterEar extends ByteArraySerializer implements ClusterResourceListener {
  private volatile @Nullable String cluster;

  @Override
  public void onUpdate(ClusterResource resource) {
    String id = resource.clusterId();
    cluster = id == null ? "" : id;
  }

  /** The id of the cluster, empty where it does not tell; null until it has answered. */
  @Nullable String cluster() {
    return cluster;
  }
}
