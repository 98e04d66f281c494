package dev.anabranch.prism;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.apache.flink.runtime.plugable.SerializationDelegate;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.transformations.PartitionTransformation;
import org.apache.flink.streaming.runtime.partitioner.StreamPartitioner;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.InstantiationUtil;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class KeyHashTest {
  /** Cannot tell a key before it has been opened, as Flink's formats cannot. */
  private static final class Formatted implements RecordSerializer<String> {
    private static final long serialVersionUID = 1L;

    private transient @Nullable StringBuilder buffer;

    @Override
    public void open() {
      buffer = new StringBuilder();
    }

    @Override
    public OutgoingRecord serialize(String element) {
      throw new AssertionError("only the key is asked for");
    }

    @Override
    public byte[] key(String element) {
      if (buffer == null) {
        throw new NullPointerException("not open");
      }
      if (element.isEmpty()) {
        throw new IllegalArgumentException("no key");
      }
      buffer.setLength(0);
      return buffer.append(element).toString().getBytes(UTF_8);
    }
  }

  @Test
  void dealsKeysOutToAllWritersOnceItHasBeenShipped() throws Exception {
    KeyHash<String> hash = InstantiationUtil.clone(new KeyHash<>(new Formatted()));
    Set<Integer> hashes = new HashSet<>();
    for (int key = 0; key < 1_000; key++) {
      hashes.add(hash.getKey("key-" + key));
    }
    assertThat(hashes).hasSizeGreaterThan(990);
    assertThat(hash.getKey("key-1")).isEqualTo(hash.getKey("key-1"));
  }

  @Test
  void leavesAnElementWithoutKeyToTheWriter() throws Exception {
    KeyHash<String> hash = InstantiationUtil.clone(new KeyHash<>(new Formatted()));
    assertThat(hash.getKey("")).isZero();
    assertThat(hash.getKey("a")).isNotZero();
  }

  @Test
  void upsertsAreDealtOutByIt() throws Exception {
    PrismSink<String> sink =
        PrismSink.<String>builder().topology("file:///none").stream("totals")
            .serializer(new Formatted())
            .upsert(true)
            .jobUid("job")
            .sinkUid("sink")
            .build();
    DataStream<String> input =
        StreamExecutionEnvironment.getExecutionEnvironment().fromData("key-0");

    PartitionTransformation<String> exchange =
        (PartitionTransformation<String>) sink.addPreWriteTopology(input).getTransformation();

    StreamPartitioner<String> partitioner = InstantiationUtil.clone(exchange.getPartitioner());
    partitioner.setup(2);
    SerializationDelegate<StreamRecord<String>> element = new SerializationDelegate<>(null);
    Set<Integer> writers = new HashSet<>();
    for (int key = 0; key < 100; key++) {
      element.setInstance(new StreamRecord<>("key-" + key));
      writers.add(partitioner.selectChannel(element));
    }
    assertThat(writers).containsExactlyInAnyOrder(0, 1);
  }
}
