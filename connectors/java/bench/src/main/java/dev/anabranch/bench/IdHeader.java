package dev.anabranch.bench;

import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import org.apache.flink.connector.kafka.sink.HeaderProvider;
import org.apache.kafka.common.header.Headers;

/** Gives the plain sink's records a header as large as an id, and as different in each. */
final class IdHeader implements HeaderProvider<byte[]> {
  private static final long serialVersionUID = 1L;
  private static final long INCARNATION = 0x5DEECE66D1234567L;

  private long sequence;

  @Override
  public Headers getHeaders(byte[] element) {
    byte[] id = new RecordId(INCARNATION, sequence++).toBytes();
    return new org.apache.kafka.common.header.internals.RecordHeaders().add(RecordHeaders.ID, id);
  }
}
