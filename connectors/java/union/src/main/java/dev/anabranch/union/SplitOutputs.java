package dev.anabranch.union;

import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceOutput;

/**
 * The outputs of splits, each of which holds the watermark back until its split has caught up.
 * Flink opens one for every split that is added, and takes it ill when one is released twice.
 */
final class SplitOutputs<T> {
  private final Set<String> open = new HashSet<>();
  private boolean idle;

  /** Flink has opened these, or does so before the reader is asked for records. */
  void added(Collection<String> splitIds) {
    open.addAll(splitIds);
  }

  SourceOutput<T> open(String splitId, ReaderOutput<T> output) {
    open.add(splitId);
    return output.createOutputForSplit(splitId);
  }

  void release(String splitId, ReaderOutput<T> output) {
    if (open.remove(splitId)) {
      if (open.isEmpty()) {
        // Once there is none, Flink no longer looks at them: it has to hear before that none is
        // waited for.
        output.createOutputForSplit(splitId).markIdle();
      }
      output.releaseOutputForSplit(splitId);
    }
  }

  /**
   * Says downstream whether this reader is waited for. A reader without outputs has nothing to say
   * about the time, and would hold the others for ever.
   */
  void announce(ReaderOutput<T> output) {
    if (open.isEmpty()) {
      // Again and again: the reader's own watermark generator says the contrary each time it runs.
      output.markIdle();
      idle = true;
    } else if (idle) {
      output.markActive();
      idle = false;
    }
  }
}
