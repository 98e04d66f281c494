package dev.anabranch.union;

import java.util.HashSet;
import java.util.Set;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceOutput;

/**
 * The outputs of splits, each of which holds the watermark back until its split has caught up.
 * Flink opens one for every split that is added, and takes it ill when one is released twice.
 */
final class SplitOutputs<T> {
  private final Set<String> released = new HashSet<>();

  SourceOutput<T> open(String splitId, ReaderOutput<T> output) {
    released.remove(splitId);
    return output.createOutputForSplit(splitId);
  }

  void release(String splitId, ReaderOutput<T> output) {
    if (released.add(splitId)) {
      output.releaseOutputForSplit(splitId);
    }
  }
}
