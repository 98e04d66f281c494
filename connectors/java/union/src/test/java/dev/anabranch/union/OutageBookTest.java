package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.topology.Primary;
import dev.anabranch.topology.StreamSpec;
import dev.anabranch.union.UnionEnumeratorState.Outage;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** For which primaries all readers hold the watermark, and for how long. */
class OutageBookTest {
  private static final Duration MAX = Duration.ofSeconds(10);
  private static final Map<Integer, Set<String>> ASSIGNED = Map.of(0, Set.of("A/1/0"), 1, Set.of());

  private final OutageBook book = new OutageBook(MAX, Map.of());

  private static ContactReport report(Contact contact, String... splitIds) {
    return new ContactReport(Set.of(splitIds), Map.of("a", contact));
  }

  private static final ContactReport NO_SPLITS = new ContactReport(Set.of(), Map.of());

  private static void says(OutageBook book, Contact contact) {
    book.reported(0, report(contact, "A/1/0"));
    book.reported(1, NO_SPLITS);
    judge(book);
  }

  private static Set<String> judge(OutageBook book) {
    return book.judge(2, ASSIGNED, Set.of());
  }

  private static Set<String> seconds(OutageBook book, int count) {
    return book.elapsed(Duration.ofSeconds(count));
  }

  @Test
  void aPrimaryIsHeldFromItsDocumentUntilItsLogsAreReadByThoseWhoHaveThem() {
    assertThat(book.event().held()).isEmpty();
    book.follow(Views.of(1, "a"));
    assertThat(book.event().held()).containsExactly("a");
    book.reported(0, NO_SPLITS);
    book.reported(1, NO_SPLITS);
    book.judge(2, Map.of(0, Set.of(), 1, Set.of()), Set.of());
    assertThat(book.event().held()).as("not found").containsExactly("a");

    book.discovered("a");
    book.judge(2, Map.of(0, Set.of(), 1, Set.of()), Set.of("a"));
    assertThat(book.event().held()).as("found, not assigned").containsExactly("a");
    judge(book);
    assertThat(book.event().held()).as("assigned, not taken over").containsExactly("a");
    says(book, Contact.UNHEARD);
    says(book, Contact.BEHIND);
    assertThat(book.event().held()).as("not caught up").containsExactly("a");
    says(book, Contact.CURRENT);
    assertThat(book.event().held()).isEmpty();
    assertThat(book.event().waitFor()).containsExactly("a");
  }

  @Test
  void nothingIsJudgedOverBeforeAllReadersHaveSpoken() {
    book.follow(Views.of(1, "a"));
    book.discovered("a");
    book.judge(2, Map.of(), Set.of());
    book.reported(0, report(Contact.CURRENT, "A/1/0"));
    judge(book);
    assertThat(book.event().held()).containsExactly("a");
    book.reported(1, NO_SPLITS);
    assertThat(judge(book)).containsExactly("a");
    book.away(1);
    judge(book);
    assertThat(book.event().held()).isEmpty();
  }

  @Test
  void splitsThatAReaderLostHoldUntilTheyAreReadOn() {
    book.follow(Views.of(1, "a"));
    book.discovered("a");
    says(book, Contact.CURRENT);
    assertThat(book.event().held()).isEmpty();
    book.away(0);
    book.judge(2, Map.of(1, Set.of()), Set.of("a"));
    assertThat(book.event().held()).containsExactly("a");
    assertThat(seconds(book, 60)).as("that is no time down").isEmpty();
    book.reported(0, NO_SPLITS);
    book.judge(2, Map.of(0, Set.of(), 1, Set.of()), Set.of("a"));
    assertThat(book.event().held()).containsExactly("a");
    says(book, Contact.CURRENT);
    assertThat(book.event().held()).isEmpty();
  }

  @Test
  void onlyTimeDownCountsAndTheBoundIsToldOnce() {
    book.follow(Views.of(1, "a"));
    book.discovered("a");
    says(book, Contact.CURRENT);
    assertThat(seconds(book, 60)).isEmpty();
    says(book, Contact.LOST);
    assertThat(book.event().held()).containsExactly("a");
    assertThat(seconds(book, 6)).isEmpty();
    says(book, Contact.BEHIND);
    assertThat(seconds(book, 60)).as("it is back").isEmpty();
    says(book, Contact.LOST);
    assertThat(seconds(book, 3)).isEmpty();
    assertThat(seconds(book, 1)).containsExactly("a");
    assertThat(seconds(book, 1)).isEmpty();
    assertThat(book.event().held()).isEmpty();
    assertThat(book.event().waitFor()).isEmpty();
  }

  @Test
  void anOutageThatWasGivenUpEndsWithCatchingUpAndTheNextOneHoldsAgain() {
    book.follow(Views.of(1, "a"));
    says(book, Contact.LOST);
    seconds(book, 10);
    says(book, Contact.BEHIND);
    assertThat(book.event().waitFor()).isEmpty();
    says(book, Contact.CURRENT);
    assertThat(book.event().waitFor()).containsExactly("a");
    says(book, Contact.LOST);
    assertThat(seconds(book, 9)).isEmpty();
    assertThat(book.event().held()).containsExactly("a");
  }

  @Test
  void aRestoreGoesOnWithTheTimeAndNeitherResetsNorStopsIt() {
    book.follow(Views.of(1, "a", "b"));
    says(book, Contact.LOST);
    seconds(book, 6);
    OutageBook restored = new OutageBook(MAX, book.snapshot());
    restored.follow(Views.of(1, "a", "b"));
    assertThat(restored.snapshot().get("a")).isEqualTo(new Outage(6_000, true, false));
    restored.reported(0, report(Contact.UNHEARD, "A/1/0"));
    restored.reported(1, NO_SPLITS);
    judge(restored);
    assertThat(seconds(restored, 3)).isEmpty();
    assertThat(seconds(restored, 1)).contains("a");
    OutageBook again = new OutageBook(MAX, restored.snapshot());
    again.follow(Views.of(1, "a", "b"));
    assertThat(again.event().waitFor()).isEmpty();
  }

  @Test
  void removedAndDrainingPrimariesHoldNobody() {
    book.follow(Views.of(1, "a", "b"));
    assertThat(book.event().held()).containsExactlyInAnyOrder("a", "b");
    book.follow(
        new StreamView(
            2,
            "t",
            new StreamSpec("t", 4, null, null, null),
            Map.of(
                "a", new Primary(List.of("a:1"), Primary.WantedState.DRAINING, null),
                "b", new Primary(List.of("b:1"), Primary.WantedState.REMOVED, null))));
    assertThat(book.event()).isEqualTo(new HoldEvent(Set.of(), Set.of()));
    assertThat(book.snapshot()).isEmpty();
    book.follow(Views.of(3, "a"));
    assertThat(book.event().held()).as("active again").containsExactly("a");
  }

  @Test
  void aPrimaryWithoutSplitsGoesByWhatTheEnumeratorSees() {
    book.follow(Views.of(1, "a"));
    book.reported(0, NO_SPLITS);
    book.reported(1, NO_SPLITS);
    Map<Integer, Set<String>> none = Map.of(0, Set.of(), 1, Set.of());
    book.judge(2, none, Set.of());
    assertThat(book.snapshot().get("a").down()).isTrue();
    book.discovered("a");
    assertThat(book.judge(2, none, Set.of())).containsExactly("a");
    book.unanswered("a");
    book.judge(2, none, Set.of());
    assertThat(book.event().held()).containsExactly("a");
  }

  @Test
  void aPrimaryOfWhichALogDoesNotAnswerIsHeldThoughItsOtherLogsAreRead() {
    book.follow(Views.of(1, "a"));
    book.partlyDiscovered("a");
    says(book, Contact.CURRENT);
    assertThat(book.event().held()).containsExactly("a");
    assertThat(seconds(book, 4)).isEmpty();
    assertThat(book.snapshot().get("a").timeDownMs()).isEqualTo(4000);

    book.discovered("a");
    assertThat(judge(book)).containsExactly("a");
    assertThat(book.event().held()).isEmpty();

    // One that did not answer at first, and for which the bound is over.
    book.partlyDiscovered("a");
    judge(book);
    assertThat(book.event().held()).containsExactly("a");
    assertThat(seconds(book, 10)).containsExactly("a");
    assertThat(book.event().held()).isEmpty();
  }
}
