package dev.anabranch.union;

import dev.anabranch.union.HandedOver.EndsSeen;
import dev.anabranch.union.PositionBook.Entry;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/**
 * Asks each log's leader where the log ends, without blocking. Its answer proves two things that a
 * poll without records does not: that the leader lives, and that nothing waits to be read.
 */
final class EndsQuestion {
  private final Map<Entry, KafkaFuture<ListOffsetsResult.ListOffsetsResultInfo>> answers =
      new HashMap<>();
  private final long askedNanos;

  private EndsQuestion(long askedNanos) {
    this.askedNanos = askedNanos;
  }

  static EndsQuestion ask(
      Admin admin, Collection<Entry> entries, IsolationLevel isolation, long nowNanos) {
    Map<TopicPartition, OffsetSpec> places = new HashMap<>();
    entries.forEach(entry -> places.put(entry.place(), OffsetSpec.latest()));
    EndsQuestion question = new EndsQuestion(nowNanos);
    ListOffsetsResult result = admin.listOffsets(places, new ListOffsetsOptions(isolation));
    entries.forEach(entry -> question.answers.put(entry, result.partitionResult(entry.place())));
    return question;
  }

  boolean isAnswered() {
    return answers.values().stream().allMatch(KafkaFuture::isDone);
  }

  /** What was answered; a log whose leader did not is left out. */
  EndsSeen seen() throws InterruptedException, ExecutionException {
    List<EndsSeen.End> ends = new ArrayList<>();
    for (var each : answers.entrySet()) {
      if (!each.getValue().isCompletedExceptionally()) {
        ends.add(
            new EndsSeen.End(
                each.getKey().order().splitId(),
                each.getKey().order().attempt(),
                each.getValue().get().offset()));
      }
    }
    return new EndsSeen(ends, askedNanos);
  }
}
