package dev.anabranch.prism;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordVersion;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.jspecify.annotations.Nullable;

/**
 * The Kafka headers of a record: its own, then id, version and operation. Read-only, and made
 * whenever they are asked for: the producer asks once, and keeps this object until the record is
 * acknowledged, so that what it keeps should be small.
 */
final class Headers implements org.apache.kafka.common.header.Headers {
  private static final byte[] DELETE = {RecordHeaders.OP_DELETE};

  private final Send send;

  Headers(Send send) {
    this.send = send;
  }

  @Override
  public Header[] toArray() {
    RawHeader[] own = send.record.headers();
    RecordVersion version = send.version;
    boolean delete = send.record.delete();
    Header[] all = new Header[own.length + 1 + (version == null ? 0 : 1) + (delete ? 1 : 0)];
    int n = 0;
    for (RawHeader header : own) {
      all[n++] = new RecordHeader(header.name(), header.value());
    }
    all[n++] = new RecordHeader(RecordHeaders.ID, send.id.toBytes());
    if (version != null) {
      all[n++] = new RecordHeader(RecordHeaders.VERSION, version.toBytes());
    }
    if (delete) {
      all[n] = new RecordHeader(RecordHeaders.OP, DELETE);
    }
    return all;
  }

  @Override
  public Iterator<Header> iterator() {
    return Arrays.asList(toArray()).iterator();
  }

  @Override
  public @Nullable Header lastHeader(String key) {
    Header[] all = toArray();
    for (int i = all.length - 1; i >= 0; i--) {
      if (all[i].key().equals(key)) {
        return all[i];
      }
    }
    return null;
  }

  @Override
  public Iterable<Header> headers(String key) {
    return Arrays.stream(toArray()).filter(header -> header.key().equals(key)).toList();
  }

  @Override
  public org.apache.kafka.common.header.Headers add(Header header) {
    throw readOnly();
  }

  @Override
  public org.apache.kafka.common.header.Headers add(String key, byte[] value) {
    throw readOnly();
  }

  @Override
  public org.apache.kafka.common.header.Headers remove(String key) {
    throw readOnly();
  }

  private static IllegalStateException readOnly() {
    return new IllegalStateException("the headers of a record that is being sent are read-only");
  }
}
