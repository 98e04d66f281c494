package dev.anabranch.prism;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
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
}
