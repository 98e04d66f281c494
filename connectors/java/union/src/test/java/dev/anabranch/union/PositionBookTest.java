package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.union.HandedOver.Gap;
import dev.anabranch.union.HandedOver.SplitNews;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** Positions move with hand-overs only, and identities are compared before anything is read. */
class PositionBookTest {
  private static final TopicPartition PLACE = new TopicPartition("t", 0);

  private static PositionBook book(long nextOffset, long stopOffset) {
    PositionBook book = new PositionBook();
    book.add(
        new FetchOrder(
            new LogId("A", "t1", 0),
            "t",
            Set.of("t0"),
            nextOffset,
            -1,
            stopOffset,
            1,
            false,
            new LogEnd()));
    return book;
  }

  private static LogIdentity shown(String cluster, String topicId, int... partitions) {
    Set<Integer> numbers = new java.util.HashSet<>();
    for (int partition : partitions) {
      numbers.add(partition);
    }
    return new LogIdentity(cluster, Map.of("t", new LogIdentity.Topic(topicId, numbers)));
  }

  @Test
  void nothingIsReadableBeforeIdentitiesHaveBeenCompared() {
    PositionBook book = book(5, UnionSplit.NO_STOP);
    assertThat(book.readable()).isEmpty();
    List<SplitNews> news = book.compare(shown("A", "t1", 0));
    assertThat(news).extracting(SplitNews::verdict).containsExactly(Verdict.READABLE);
    assertThat(book.readableAt(PLACE).position()).isEqualTo(5);
    assertThat(book.compare(shown("A", "t1", 0))).isEmpty();
  }

  @Test
  void tellsWhatIsThereInPlaceOfTheLog() {
    assertThat(book(0, 9).compare(shown("B", "t1", 0)).get(0).verdict())
        .isEqualTo(Verdict.OTHER_CLUSTER);
    assertThat(book(0, 9).compare(shown("A", "t2", 0)).get(0).verdict())
        .isEqualTo(Verdict.TOPIC_REPLACED);
    assertThat(book(0, 9).compare(shown("A", "t0", 0)).get(0).verdict())
        .isEqualTo(Verdict.FORMER_TOPIC);
    assertThat(book(0, 9).compare(shown("A", "t1", 1)).get(0).verdict())
        .isEqualTo(Verdict.NO_PARTITION);
    assertThat(book(0, 9).compare(new LogIdentity("A", Map.of())).get(0).verdict())
        .isEqualTo(Verdict.NO_TOPIC);
  }

  @Test
  void aLogThatIsBackIsReadableAgain() {
    PositionBook book = book(0, UnionSplit.NO_STOP);
    book.compare(shown("B", "t1", 0));
    assertThat(book.compare(shown("A", "t1", 0)).get(0).verdict()).isEqualTo(Verdict.READABLE);
  }

  @Test
  void aBoundedLogIsDoneAtItsStop() {
    PositionBook book = book(0, 10);
    book.compare(shown("A", "t1", 0));
    PositionBook.Entry entry = book.readableAt(PLACE);
    book.advance(entry, 9, 0);
    assertThat(entry.isReadable()).isTrue();
    book.advance(entry, 12, 0);
    assertThat(book.readable()).isEmpty();
    assertThat(book.compare(shown("A", "t1", 0))).isEmpty();
  }

  @Test
  void recordsBelowTheLogsBeginningWereDeleted() {
    PositionBook book = book(5, UnionSplit.NO_STOP);
    book.compare(shown("A", "t1", 0));
    PositionBook.Entry entry = book.readableAt(PLACE);
    SplitNews news = book.outOfRange(entry, 8, 20, 6, true);
    assertThat(news.gap())
        .isEqualTo(new Gap(LossReport.Kind.DELETED, 5, 8, 8, UnionSplit.NO_EPOCH));
    assertThat(entry.position()).isEqualTo(8);
    assertThat(entry.isReadable()).isTrue();
  }

  @Test
  void aTruncatedLogIsReadFromWhereItWasCut() {
    PositionBook book = book(50, UnionSplit.NO_STOP);
    book.compare(shown("A", "t1", 0));
    PositionBook.Entry entry = book.readableAt(PLACE);
    assertThat(book.outOfRange(entry, 0, 40, 6, true).gap())
        .isEqualTo(new Gap(LossReport.Kind.TRUNCATED, 40, 50, 40, 6));
    assertThat(entry.position()).isEqualTo(40);
  }

  @Test
  void aLogThatIsNotReadOnKeepsItsPositionAndStaysAside() {
    PositionBook book = book(5, UnionSplit.NO_STOP);
    book.compare(shown("A", "t1", 0));
    PositionBook.Entry entry = book.readableAt(PLACE);
    book.outOfRange(entry, 8, 20, 6, false);
    assertThat(entry.position()).isEqualTo(5);
    assertThat(book.compare(shown("A", "t1", 0))).isEmpty();
    assertThat(book.readable()).isEmpty();
  }

  @Test
  void anOffsetThatIsInRangeAfterAllIsNoLoss() {
    PositionBook book = book(5, UnionSplit.NO_STOP);
    book.compare(shown("A", "t1", 0));
    assertThat(book.outOfRange(book.readableAt(PLACE), 5, 5, 6, true)).isNull();
  }
}
