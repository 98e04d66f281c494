package dev.anabranch.prism;

import org.apache.kafka.clients.producer.ProducerRecord;

/** One copy of a record as the producer takes it, with headers that cost little to keep. */
final class CopyRecord extends ProducerRecord<byte[], byte[]> {
  private final Headers headers;

  CopyRecord(String topic, Send send) {
    super(topic, null, send.timestampMs, send.record.key(), send.record.value());
    this.headers = new Headers(send);
  }

  @Override
  public org.apache.kafka.common.header.Headers headers() {
    return headers;
  }
}
