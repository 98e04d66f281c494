package dev.anabranch.restore;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UTFDataFormatException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filemerging.EmptySegmentFileStateHandle;
import org.apache.flink.runtime.state.filemerging.SegmentFileStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.memory.ByteStreamStateHandle;

/**
 * A checkpoint or savepoint whose metadata has been read.
 *
 * @param folder where it is
 * @param status of its metadata
 * @param metadata as Flink reads it
 * @param files that it refers to, each once
 */
record RestorePoint(
    Path folder, FileStatus status, CheckpointMetadata metadata, Collection<StateFile> files) {
  /** The file that Flink writes last. */
  static final String METADATA = "_metadata";

  /**
   * Reads one.
   *
   * @throws FileNotFoundException it has no metadata
   * @throws IOException the metadata cannot be read, or is of nothing that this Flink knows
   */
  static RestorePoint read(Path folder, FileStatus status) throws IOException {
    Path file = new Path(folder, METADATA);
    CheckpointMetadata metadata;
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(file.getFileSystem().open(file), 1 << 16))) {
      // Flink's own loader knows no user's class, and needs none: state is bytes to it.
      metadata =
          Checkpoints.loadCheckpointMetadata(
              in, Checkpoints.class.getClassLoader(), folder.toString());
    } catch (EOFException | UTFDataFormatException | RuntimeException e) {
      throw new IOException("its metadata is cut or damaged", e);
    }
    return new RestorePoint(folder, status, metadata, files(metadata));
  }

  /** Of metadata and files. */
  long bytes() {
    return status.getLen() + files.stream().mapToLong(StateFile::bytes).sum();
  }

  private static Collection<StateFile> files(CheckpointMetadata metadata) throws IOException {
    Map<Path, StateFile> found = new LinkedHashMap<>();
    HandleMapping look =
        new HandleMapping(
            handle -> {
              add(handle, found);
              return handle;
            });
    for (OperatorState state : metadata.getOperatorStates()) {
      look.map(state);
    }
    return found.values();
  }

  private static void add(StreamStateHandle handle, Map<Path, StateFile> found) throws IOException {
    if (handle instanceof EmptySegmentFileStateHandle || handle instanceof ByteStreamStateHandle) {
      return; // nothing, or in the metadata
    }
    if (handle instanceof SegmentFileStateHandle part) {
      long end = part.getStartPos() + part.getStateSize();
      found.merge(
          part.getFilePath(), new StateFile(part.getFilePath(), end, false), StateFile::and);
    } else if (handle instanceof FileStateHandle file) {
      found.merge(
          file.getFilePath(),
          new StateFile(file.getFilePath(), file.getStateSize(), true),
          StateFile::and);
    } else {
      throw new IOException("state of an unknown kind: " + handle.getClass().getName());
    }
  }
}
