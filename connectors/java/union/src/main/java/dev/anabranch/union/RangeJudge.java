package dev.anabranch.union;

import dev.anabranch.union.HandedOver.SplitNews;
import dev.anabranch.union.PositionBook.Entry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.LogTruncationException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;

/** Finds out what became of offsets that a broker refused. Asks, and blocks for it. */
final class RangeJudge {
  private RangeJudge() {}

  /**
   * Judges each refused offset; the book goes on behind the gap, or lays the log aside.
   *
   * @param readsOn whether reading goes on behind a gap
   * @return what the task thread has to know
   */
  static List<SplitNews> judge(
      OffsetOutOfRangeException refused, Admin admin, PositionBook book, boolean readsOn)
      throws InterruptedException, ExecutionException, TimeoutException {
    var begins = offsets(admin, refused.partitions(), OffsetSpec.earliest());
    var ends = offsets(admin, refused.partitions(), OffsetSpec.latest());
    List<SplitNews> news = new ArrayList<>();
    for (TopicPartition place : refused.partitions()) {
      Entry entry = book.readableAt(place);
      if (entry != null) {
        long begin = begins.get(place).offset();
        long end = end(refused, place, begin, ends.get(place).offset());
        SplitNews found = book.outOfRange(entry, begin, end, readsOn);
        if (found != null) {
          news.add(found);
        }
      }
    }
    return news;
  }

  /** Where what has been read and what is there begin to differ, or else the log's end. */
  private static long end(
      OffsetOutOfRangeException refused, TopicPartition place, long begin, long end) {
    if (refused instanceof LogTruncationException truncated) {
      OffsetAndMetadata divergent = truncated.divergentOffsets().get(place);
      // A broker that cannot tell where the logs part leaves only the beginning.
      return divergent == null ? begin : Math.min(end, divergent.offset());
    }
    return end;
  }

  private static Map<TopicPartition, ListOffsetsResultInfo> offsets(
      Admin admin, Set<TopicPartition> places, OffsetSpec spec)
      throws InterruptedException, ExecutionException, TimeoutException {
    Map<TopicPartition, OffsetSpec> question = new HashMap<>();
    places.forEach(place -> question.put(place, spec));
    return OffsetLookup.await(admin.listOffsets(question).all());
  }
}
