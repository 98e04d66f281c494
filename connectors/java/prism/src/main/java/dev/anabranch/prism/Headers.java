package dev.anabranch.prism;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordVersion;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** The Kafka headers of a record: its own, then id, version and operation. */
final class Headers {
  private static final byte[] DELETE = {RecordHeaders.OP_DELETE};

  private Headers() {}

  /** Made once per record; every attempt sends the same object. */
  static org.apache.kafka.common.header.internals.RecordHeaders of(Send send) {
    var made = send.headers;
    if (made == null) {
      made = make(send);
      send.headers = made;
    }
    return made;
  }

  private static org.apache.kafka.common.header.internals.RecordHeaders make(Send send) {
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
    return new org.apache.kafka.common.header.internals.RecordHeaders(all);
  }
}
