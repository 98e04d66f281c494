package dev.anabranch.prism;

import java.util.concurrent.CountDownLatch;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** Hands records on, and tells when the input of the sink chained behind it has ended. */
final class InputEnd extends AbstractStreamOperator<Long>
    implements OneInputStreamOperator<Long, Long>, BoundedOneInput {
  private static final long serialVersionUID = 1L;
  private static volatile CountDownLatch left = new CountDownLatch(0);

  /** To be called before the job starts; returns what is at zero once all subtasks have ended. */
  static CountDownLatch of(int subtasks) {
    left = new CountDownLatch(subtasks);
    return left;
  }

  @Override
  public void processElement(StreamRecord<Long> element) {
    output.collect(element);
  }

  @Override
  public void endInput() {
    left.countDown();
  }
}
