package dev.anabranch.records;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Objects;

/**
 * The log that a record was read from. One instance is shared by all records of a split, and keeps
 * its own encoding, so that an exchange writes it with one copy and reads it by comparison.
 */
public final class Origin {
  private final String primary;
  private final String clusterId;
  private final String topic;
  private final String topicId;
  private final int partition;
  private final byte[] encoded;

  /**
   * @param primary name of the primary in the topology document
   * @param clusterId id of the Kafka cluster
   * @param topic name of the topic
   * @param topicId Kafka's id of the topic, which changes when it is created again
   */
  public Origin(String primary, String clusterId, String topic, String topicId, int partition) {
    this.primary = primary;
    this.clusterId = clusterId;
    this.topic = topic;
    this.topicId = topicId;
    this.partition = partition;
    this.encoded = encode();
  }

  public String primary() {
    return primary;
  }

  public String clusterId() {
    return clusterId;
  }

  public String topic() {
    return topic;
  }

  public String topicId() {
    return topicId;
  }

  public int partition() {
    return partition;
  }

  /** The encoding that {@link #decode} reads. Shared: do not change it. */
  byte[] encoded() {
    return encoded;
  }

  static Origin decode(byte[] encoded) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(encoded))) {
      return new Origin(in.readUTF(), in.readUTF(), in.readUTF(), in.readUTF(), in.readInt());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private byte[] encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(primary);
      out.writeUTF(clusterId);
      out.writeUTF(topic);
      out.writeUTF(topicId);
      out.writeInt(partition);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Origin that && Arrays.equals(encoded, that.encoded);
  }

  @Override
  public int hashCode() {
    return Objects.hash(clusterId, topicId, partition);
  }

  @Override
  public String toString() {
    return primary + "/" + topic + "-" + partition;
  }
}
