package dev.anabranch.azureblob;

import java.util.List;
import org.apache.flink.core.fs.RecoverableWriter.ResumeRecoverable;

/**
 * Where a file stands: which blocks are staged, run by run, and how many bytes they have. It is all
 * that a job needs after a restore to go on writing the file, or to commit it.
 *
 * @param name of the blob
 * @param runs the blocks in order; the last run's number is also the write's id
 * @param length in bytes
 */
record BlobRecoverable(String name, List<BlockIds> runs, long length) implements ResumeRecoverable {
  BlobRecoverable {
    runs = List.copyOf(runs);
  }

  /** The ids of all blocks, in order. */
  List<String> blockIds() {
    return runs.stream().flatMap(run -> run.all().stream()).toList();
  }

  /** The same for each commit of this content, and for no other. */
  String writeId() {
    return runs.get(runs.size() - 1).run() + "-" + length;
  }
}
