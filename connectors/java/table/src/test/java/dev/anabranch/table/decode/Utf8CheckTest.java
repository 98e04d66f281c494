package dev.anabranch.table.decode;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.anabranch.table.deadletter.Reason;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Utf8CheckTest {
  private final Utf8Check check = new Utf8Check();

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "12345678", "123456789", "ä", "1234567ä", "€", "𝄞", "\u0000"})
  void acceptsText(String text) {
    assertThatCode(() -> check.check(text.getBytes(UTF_8))).doesNotThrowAnyException();
  }

  @Test
  void acceptsTextLongerThanItsBuffer() {
    byte[] text = "ä€𝄞".repeat(5_000).getBytes(UTF_8);

    assertThatCode(() -> check.check(text)).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ff", // never occurs
        "c3", // cut off
        "c328", // no continuation
        "c080", // overlong
        "eda080", // a surrogate
        "f4908080", // beyond U+10FFFF
        "80", // continuation first
        "61626364656667c3", // cut off behind ASCII
      })
  void refusesWhatIsNoUtf8(String hex) {
    UndecodableException refusal = refusal(HexFormat.of().parseHex(hex));

    assertThat(refusal.reason()).isEqualTo(Reason.WRONG_ENCODING);
  }

  @Test
  void saysWhereAndGoesOnWithTheNextRecord() {
    byte[] bad = "ä".repeat(3_000).getBytes(UTF_8);
    bad[5_000] = (byte) 0xff;

    assertThat(refusal(bad).detail()).isEqualTo("byte 0xff at position 5000 is not valid UTF-8");
    assertThatCode(() -> check.check(Arrays.copyOf(bad, 4_000))).doesNotThrowAnyException();
  }

  private UndecodableException refusal(byte[] bytes) {
    return catchThrowableOfType(UndecodableException.class, () -> check.check(bytes));
  }
}
