package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

class RecordConverterTest {
  private final RecordConverter converter =
      new RecordConverter(new Origin("a", "cluster", "logs", "topic-id", 0));

  @Test
  void marksOfAJobDoNotComeFromKafka() {
    RecordId id = RecordId.supplied("scope", 7);
    ConsumerRecord<byte[], byte[]> read = new ConsumerRecord<>("logs", 0, 5, null, new byte[] {1});
    read.headers().add("colour", new byte[] {2});
    read.headers().add(RecordHeaders.LATE, null);
    read.headers().add(RecordHeaders.ID, id.toBytes());
    read.headers().add(RecordHeaders.LOST, new byte[] {3});
    read.headers().add("anabranch-last", null);

    RawRecord record = converter.convert(read);

    assertThat(record.headers())
        .extracting(RawHeader::name)
        .containsExactly("colour", RecordHeaders.ID, "anabranch-last");
    assertThat(record.id()).isEqualTo(id);
    assertThat(record.foreign()).isFalse();
  }

  @Test
  void headersStayWhereNobodyLooksAtThem() {
    ConsumerRecord<byte[], byte[]> read =
        new ConsumerRecord<>("logs", 0, 5, new byte[] {9}, new byte[] {1});
    read.headers().add(RecordHeaders.ID, RecordId.supplied("scope", 7).toBytes());

    RawRecord record = converter.withoutHeaders(read);

    assertThat(record.headers()).isEmpty();
    assertThat(record.value()).containsExactly(1);
    assertThat(record.key()).containsExactly(9);
    assertThat(record.id()).isEqualTo(RecordId.foreign("cluster", "topic-id", 0, 5));
    assertThat(record.foreign()).isTrue();
  }
}
