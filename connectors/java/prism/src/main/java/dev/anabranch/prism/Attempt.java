package dev.anabranch.prism;

import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;

/** One try to bring one record to one primary; told by the transport's thread how it ended. */
final class Attempt implements Callback {
  final Send send;
  final Lane lane;
  final long startedNanos;
  private final Completions completions;
  private final Thread maker = Thread.currentThread();

  // Written before the attempt is handed to `completions`, read after it is taken out.
  int partition = -1;
  long offset = -1;
  @Nullable Exception error;
  boolean neverLeft;
  @Nullable Attempt nextCompleted;

  // Neighbours among the unanswered attempts of the lane, oldest first.
  @Nullable Attempt older;
  @Nullable Attempt newer;
  boolean watched;

  Attempt(Send send, Lane lane, long startedNanos, Completions completions) {
    this.send = send;
    this.lane = lane;
    this.startedNanos = startedNanos;
    this.completions = completions;
  }

  /** From any thread, once: the primary has the record. */
  void acknowledge(int partition, long offset) {
    this.partition = partition;
    this.offset = offset;
    completions.add(this);
  }

  /** From any thread, once: the primary may or may not have the record. */
  void fail(Exception error) {
    this.error = error;
    completions.add(this);
  }

  /** Like {@link #fail}, but the record has not been sent at all. */
  void refuse(Exception error) {
    neverLeft = true;
    fail(error);
  }

  @Override
  public void onCompletion(@Nullable RecordMetadata metadata, @Nullable Exception exception) {
    if (exception != null && Thread.currentThread() == maker) {
      // Called from within KafkaProducer.send().
      refuse(exception);
    } else if (exception != null) {
      fail(exception);
    } else if (metadata == null) {
      fail(new IllegalStateException("the producer told neither a place nor an error"));
    } else {
      acknowledge(metadata.partition(), metadata.hasOffset() ? metadata.offset() : -1);
    }
  }
}
