package dev.anabranch.records;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RawRecordSerializerTest {
  private static final Origin ORIGIN = new Origin("a", "cluster", "logs", "topic-id", 3);
  private static final byte[] VALUE = "value".getBytes(UTF_8);

  private final RawRecordSerializer serializer = new RawRecordSerializer();

  @Test
  void keepsAllThatARecordHas() throws IOException {
    RawRecord record =
        new RawRecord(
            ORIGIN,
            7,
            4,
            1_715_224_000_000L,
            "key".getBytes(UTF_8),
            VALUE,
            RecordId.supplied("run", 5),
            false,
            new RawHeader[] {new RawHeader("näme", VALUE), new RawHeader("", null)});
    assertThat(roundTrip(record)).usingRecursiveComparison().isEqualTo(record);
  }

  @Test
  void keepsTheAbsenceOfKeyValueAndHeaders() throws IOException {
    RawRecord record =
        new RawRecord(ORIGIN, 0, -1, null, null, RecordId.supplied("run", 0), true, RawHeader.NONE);
    assertThat(roundTrip(record)).usingRecursiveComparison().isEqualTo(record);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void readsRecordsOfVersionsWithoutLeaderEpochs(boolean foreign) throws IOException {
    RawRecord record =
        new RawRecord(
            ORIGIN, 7, 0, null, VALUE, RecordId.supplied("run", 5), foreign, RawHeader.NONE);
    DataOutputSerializer out = new DataOutputSerializer(64);
    serializer.serialize(record, out);
    // Origin, offset, time, key (none), value and id stand before what was a boolean.
    int place = 4 + ORIGIN.encoded().length + 8 + 8 + 4 + 4 + VALUE.length + 16;
    assertThat(out.getCopyOfBuffer()[place]).isEqualTo((byte) (foreign ? 1 : 0));
    assertThat(roundTrip(record)).usingRecursiveComparison().isEqualTo(record);
  }

  @ParameterizedTest
  @ValueSource(ints = {32_767, 32_768, 65_535, 65_537})
  void keepsAsManyHeadersAsKafkaTakes(int count) throws IOException {
    RawHeader[] headers =
        IntStream.range(0, count)
            .mapToObj(number -> new RawHeader("h" + number, null))
            .toArray(RawHeader[]::new);
    assertThat(Arrays.stream(roundTrip(withHeaders(headers)).headers()).map(RawHeader::name))
        .containsExactlyElementsOf(Arrays.stream(headers).map(RawHeader::name).toList());
  }

  @ParameterizedTest
  @ValueSource(ints = {65_535, 65_536, 1_000_000})
  void keepsNamesAsLongAsKafkaTakesThem(int length) throws IOException {
    RawHeader header = new RawHeader("n".repeat(length), VALUE);
    RawHeader[] read = roundTrip(withHeaders(header)).headers();
    assertThat(read).hasSize(1);
    assertThat(read[0].name()).isEqualTo(header.name());
  }

  private static RawRecord withHeaders(RawHeader... headers) {
    return new RawRecord(ORIGIN, 7, 0, null, VALUE, RecordId.supplied("run", 5), false, headers);
  }

  private RawRecord roundTrip(RawRecord record) throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(64);
    serializer.serialize(record, out);
    DataInputDeserializer in = new DataInputDeserializer(out.getCopyOfBuffer());
    RawRecord read = serializer.deserialize(in);
    assertThat(in.available()).isZero();
    return read;
  }
}
