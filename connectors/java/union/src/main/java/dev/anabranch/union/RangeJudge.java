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
        OffsetAndMetadata end = end(refused, place, entry, begin, ends.get(place).offset());
        int epoch = end.leaderEpoch().orElse(UnionSplit.NO_EPOCH);
        SplitNews found = book.outOfRange(entry, begin, end.offset(), epoch, readsOn);
        if (found != null) {
          news.add(found);
        }
      }
    }
    return news;
  }

  /**
   * Where what has been read and what is there begin to differ, or else the log's end; with the
   * epoch that holds there, by which a further cut is noticed.
   */
  private static OffsetAndMetadata end(
      OffsetOutOfRangeException refused, TopicPartition place, Entry entry, long begin, long end) {
    if (!(refused instanceof LogTruncationException truncated)) {
      // What is before the end is not newer than what was read behind it; where it is, a leader has
      // written it meanwhile, and tells so when it is asked about that epoch.
      return UnionSplit.position(end, entry.leaderEpoch());
    }
    OffsetAndMetadata parted = truncated.divergentOffsets().get(place);
    // A broker that cannot tell where the logs part leaves only the beginning.
    return parted == null
        ? new OffsetAndMetadata(begin)
        : new OffsetAndMetadata(Math.min(end, parted.offset()), parted.leaderEpoch(), "");
  }

  private static Map<TopicPartition, ListOffsetsResultInfo> offsets(
      Admin admin, Set<TopicPartition> places, OffsetSpec spec)
      throws InterruptedException, ExecutionException, TimeoutException {
    Map<TopicPartition, OffsetSpec> question = new HashMap<>();
    places.forEach(place -> question.put(place, spec));
    return OffsetLookup.await(admin.listOffsets(question).all());
  }
}
