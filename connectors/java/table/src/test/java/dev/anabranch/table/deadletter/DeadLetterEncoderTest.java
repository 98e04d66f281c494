package dev.anabranch.table.deadletter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.table.decode.Records;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;

class DeadLetterEncoderTest {
  private final DeadLetterEncoder encoder = new DeadLetterEncoder("logs", "job-1", 10);

  @Test
  void keepsAllThatIsKnown() throws Exception {
    RawRecord record =
        Records.bytes(
            "k".getBytes(UTF_8),
            "short".getBytes(UTF_8),
            new RawHeader("h", new byte[] {1}),
            new RawHeader("empty", null));

    GenericRecord letter =
        DeadLetters.decode(encoder.encode(record, Reason.MALFORMED, "cut off", 99));

    assertThat(letter.get("reason")).hasToString("malformed");
    assertThat(letter.get("detail")).hasToString("cut off");
    assertThat(letter.get("stream")).hasToString("logs");
    assertThat(letter.get("primary")).hasToString("a");
    assertThat(letter.get("cluster_id")).hasToString("cluster-a");
    assertThat(letter.get("topic")).hasToString("logs-topic");
    assertThat(letter.get("topic_id")).hasToString("topic-id");
    assertThat(letter.get("partition")).isEqualTo(3);
    assertThat(letter.get("offset")).isEqualTo(7L);
    assertThat(letter.get("timestamp_ms")).isEqualTo(1_700_000_000_123L);
    assertThat(((GenericData.Fixed) letter.get("record_id")).bytes())
        .isEqualTo(record.id().toBytes());
    assertThat(letter.get("key")).isEqualTo(ByteBuffer.wrap("k".getBytes(UTF_8)));
    assertThat(letter.get("value")).isEqualTo(ByteBuffer.wrap("short".getBytes(UTF_8)));
    assertThat(letter.get("value_length")).isEqualTo(5L);
    assertThat(letter.get("job")).hasToString("job-1");
    assertThat(letter.get("occurred_ms")).isEqualTo(99L);
    assertThat(letter.get("headers"))
        .hasToString(
            "[{\"name\": \"h\", \"value\": \"\\u0001\"}, {\"name\": \"empty\", \"value\": null}]");
  }

  @Test
  void cutsLongValuesButHashesAllOfThem() throws Exception {
    byte[] value = "0123456789abcdef".getBytes(UTF_8);

    GenericRecord letter =
        DeadLetters.decode(
            encoder.encode(Records.bytes(null, value), Reason.TOO_LARGE, "16 bytes", 0));

    assertThat(letter.get("value")).isEqualTo(ByteBuffer.wrap("0123456789".getBytes(UTF_8)));
    assertThat(letter.get("value_length")).isEqualTo(16L);
    assertThat(((GenericData.Fixed) letter.get("value_sha256")).bytes())
        .isEqualTo(MessageDigest.getInstance("SHA-256").digest(value));
  }

  @Test
  void leavesOutHeadersThatDoNotFitAndSaysHowMany() throws Exception {
    RawRecord record =
        Records.bytes(
            null,
            "v".getBytes(UTF_8),
            new RawHeader("a", new byte[4]),
            new RawHeader("large", new byte[900_000]),
            new RawHeader("b", new byte[4]),
            new RawHeader("c", null));

    byte[] encoded = encoder.encode(record, Reason.MALFORMED, "cut off", 0);

    GenericRecord letter = DeadLetters.decode(encoded);
    assertThat(encoded).hasSizeLessThan(1_000);
    assertThat(names(letter)).containsExactly("a", "b");
    assertThat(letter.get("detail")).hasToString("cut off; 2 of 4 headers are left out");
  }

  @Test
  void saysThatAKeyIsCut() throws Exception {
    byte[] key = "0123456789abcdef".getBytes(UTF_8);
    RawHeader large = new RawHeader("large", new byte[20]);

    GenericRecord cut =
        DeadLetters.decode(
            encoder.encode(Records.bytes(key, new byte[1], large), Reason.DEGRADED, "1 of 2", 0));
    GenericRecord whole =
        DeadLetters.decode(
            encoder.encode(
                Records.bytes(Arrays.copyOf(key, 10), new byte[1]), Reason.DEGRADED, "1 of 2", 0));

    assertThat(cut.get("key")).isEqualTo(ByteBuffer.wrap(key, 0, 10));
    assertThat(cut.get("detail"))
        .hasToString("1 of 2; 10 of 16 bytes of the key are kept; 1 of 1 headers are left out");
    assertThat(whole.get("detail")).hasToString("1 of 2");
  }

  @Test
  void leavesOutEmptyHeadersBeyondTheBoundToo() throws Exception {
    RawHeader[] headers = new RawHeader[400_000];
    Arrays.fill(headers, new RawHeader("", new byte[0]));
    RawRecord record = Records.bytes(null, new byte[1], headers);

    byte[] encoded = encoder.encode(record, Reason.MALFORMED, "cut off", 0);

    assertThat(names(DeadLetters.decode(encoded))).hasSize(10);
  }

  private static List<String> names(GenericRecord letter) {
    return ((List<?>) letter.get("headers"))
        .stream().map(each -> ((GenericRecord) each).get("name").toString()).toList();
  }

  @Test
  void tellsNoValueFromAnEmptyOne() throws Exception {
    GenericRecord none =
        DeadLetters.decode(encoder.encode(Records.bytes(null, null), Reason.NULL_VALUE, "null", 0));
    GenericRecord empty =
        DeadLetters.decode(
            encoder.encode(Records.bytes(null, new byte[0]), Reason.MALFORMED, "empty", 0));

    assertThat(none.get("value")).isNull();
    assertThat(empty.get("value")).isEqualTo(ByteBuffer.allocate(0));
    assertThat(List.of(none.get("value_length"), empty.get("value_length"))).containsOnly(0L);
  }
}
