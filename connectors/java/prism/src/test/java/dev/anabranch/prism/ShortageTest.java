package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How many copies do, by how many primaries worked when. The same looks as in {@code
 * tests/unit/test_prism_shortage.py}.
 */
class ShortageTest {
  /** Close to where the clock of nanoseconds turns negative, which it may do at any time. */
  private static final long START = Long.MAX_VALUE - Duration.ofSeconds(5).toNanos();

  private final Shortage shortage = new Shortage(Duration.ofSeconds(10));

  private boolean look(int working, double second) {
    return shortage.look(working, START + Math.round(second * 1e9));
  }

  /** A look is how many primaries work, at what second, and how many of three copies do then. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "down late and up at once,  3@0=3 2@1=3 2@10.9=3 2@11=2 3@12=3",
    "a moment,                  3@0=3 2@1=3 2@10.9=3 1@10.95=3 1@11=2 2@11.1=2",
    "next look,                 2@1=3 2@11=2 0@11.1=2 0@21=2 0@21.1=1",
    "by its own loss,           2@1=3 1@6=3 1@11=2 1@15.9=2 1@16=1",
    "both at once,              1@1=3 1@10.9=3 1@11=1",
    "back before it was due,    1@1=3 2@10.9=3 2@11=2 1@12=2 1@22=1",
    "the clock starts anew,     2@1=3 3@10.9=3 2@11=3 2@20.9=3 2@21=2",
    "never fewer than one,      0@1=3 0@11=1 0@99=1",
  })
  void eachNumberOfCopiesHasItsClock(String name, String looks) {
    shortage.want(3);
    int before = 3;
    for (String look : looks.split(" ")) {
      String[] parts = look.split("[@=]");
      int enough = Integer.parseInt(parts[2]);
      assertThat(look(Integer.parseInt(parts[0]), Double.parseDouble(parts[1])))
          .as(look)
          .isEqualTo(enough < before);
      assertThat(shortage.enough()).as(look).isEqualTo(enough);
      before = enough;
    }
  }

  @Test
  void anotherNumberThatIsWantedStartsAllClocks() {
    shortage.want(2);
    look(1, 0);
    shortage.want(3);
    assertThat(look(1, 10)).isFalse();
    assertThat(shortage.enough()).isEqualTo(3);
    assertThat(look(1, 20)).isTrue();
    assertThat(shortage.enough()).isEqualTo(1);
    shortage.want(1);
    assertThat(look(0, 99)).isFalse();
    assertThat(shortage.enough()).isEqualTo(1);
  }

  @Test
  void beforeTheFirstDocumentAndWithoutATimeNothingDoesWithFewer() {
    assertThat(look(0, 0)).isFalse();
    assertThat(look(0, 99)).isFalse();
    assertThat(shortage.enough()).isEqualTo(Integer.MAX_VALUE);
    Shortage none = new Shortage(null);
    none.want(3);
    assertThat(none.look(1, 0)).isFalse();
    assertThat(none.look(1, Duration.ofDays(9).toNanos())).isFalse();
    assertThat(none.enough()).isEqualTo(3);
  }
}
