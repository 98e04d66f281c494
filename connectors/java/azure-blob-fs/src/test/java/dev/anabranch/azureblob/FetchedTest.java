package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FetchedTest {
  @Test
  void givesBackWhatCameHoweverItCame() throws IOException {
    Random random = new Random(1);
    for (int length : new int[] {0, 1, 300, 8192, 8193, 65_536, 65_537, 300_000}) {
      byte[] bytes = Contents.random(length, length);
      for (int largest : new int[] {1 + length / 7, 16_384, 1_000_000}) {
        Fetched fetched = new Fetched(length + random.nextInt(3) * 100_000);
        for (int at = 0; at < length; ) {
          int part = Math.min(length - at, 1 + random.nextInt(largest));
          fetched.write(bytes, at, part);
          at += part;
        }
        assertThat(fetched.size()).isEqualTo(length);
        for (int i = 0; i < 20; i++) {
          int from = random.nextInt(length + 1);
          int part = random.nextInt(length - from + 1);
          byte[] into = new byte[part + 2];
          fetched.copy(from, into, 1, part);
          assertThat(Arrays.copyOfRange(into, 1, part + 1))
              .isEqualTo(Arrays.copyOfRange(bytes, from, from + part));
        }
      }
    }
  }

  @Test
  void takesNoMoreThanWasAskedFor() throws IOException {
    Fetched fetched = new Fetched(100_000);
    fetched.write(new byte[99_999]);
    assertThatThrownBy(() -> fetched.write(new byte[2])).hasMessageContaining("more bytes came");
  }
}
