package dev.anabranch.restore;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.apache.flink.runtime.state.filesystem.FileStateHandle;
import org.apache.flink.runtime.state.filesystem.RelativeFileStateHandle;
import org.apache.flink.util.MathUtils;

/**
 * A restore point that is all in one folder: every file that the original refers to, and metadata
 * that refers to the copies instead. The metadata is written last, once all files are there with
 * their lengths, so that a copy which was interrupted never passes for a whole one; made again, it
 * goes on where it was, since state files have random names and are never written twice.
 *
 * <p>What was a relative path stays one, and what was absolute stays absolute: Flink takes relative
 * ones for files that are a checkpoint's own.
 */
final class Copy {
  private final RestorePoint original;
  private final Path folder;
  private final Map<Path, String> names = new HashMap<>();

  Copy(RestorePoint original, Path folder) {
    this.original = original;
    this.folder = folder;
    Set<String> taken = new HashSet<>();
    for (StateFile file : original.files()) {
      String name = file.path().getName();
      if (!taken.add(name)) {
        name += "-" + Integer.toHexString(MathUtils.murmurHash(file.path().toString().hashCode()));
        taken.add(name);
      }
      names.put(file.path(), name);
    }
  }

  /**
   * Makes it, or as much of it as is missing; returns how many files were copied.
   *
   * @throws IOException there is another restore point, or a file cannot be copied; what is there
   *     is then no restore point, unless it was one before
   */
  int make() throws IOException {
    byte[] metadata = metadata();
    Path file = new Path(folder, RestorePoint.METADATA);
    FileStatus there = Folders.asked(file);
    if (there != null) {
      checkSame(metadata, file);
    }
    List<FileCopier.Task> tasks = new ArrayList<>();
    Folders folders = new Folders();
    for (StateFile each : original.files()) {
      Path target = new Path(folder, names.get(each.path()));
      FileStatus known = folders.file(target);
      if (known == null || known.getLen() != each.bytes()) {
        tasks.add(new FileCopier.Task(each.path(), target, each.bytes()));
      }
    }
    FileCopier.copy(tasks);
    if (there == null) {
      try {
        FileCopier.write(metadata, file);
      } catch (FileAlreadyExistsException e) {
        checkSame(metadata, file); // of who makes the same copy at the same time
      }
    }
    return tasks.size();
  }

  /** What is there now, read anew. */
  Examined checked() throws IOException {
    Examined found = Examined.at(folder, new Folders());
    if (!found.isComplete()) {
      throw new IOException("the copy in " + folder + " is not complete: " + found.problem());
    }
    return found;
  }

  private byte[] metadata() throws IOException {
    HandleMapping mapping = new HandleMapping(this::copied);
    List<OperatorState> states = new ArrayList<>();
    for (OperatorState state : original.metadata().getOperatorStates()) {
      states.add(mapping.map(state));
    }
    CheckpointMetadata mapped =
        new CheckpointMetadata(
            original.metadata().getCheckpointId(),
            states,
            original.metadata().getMasterStates(),
            original.metadata().getCheckpointProperties());
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Checkpoints.storeCheckpointMetadata(mapped, bytes);
    return bytes.toByteArray();
  }

  private StreamStateHandle copied(StreamStateHandle handle) {
    if (!(handle instanceof FileStateHandle file)) {
      return handle;
    }
    String name = names.get(file.getFilePath());
    Path target = new Path(folder, name);
    return handle instanceof RelativeFileStateHandle
        ? new RelativeFileStateHandle(target, name, file.getStateSize())
        : new FileStateHandle(target, file.getStateSize());
  }

  private void checkSame(byte[] metadata, Path file) throws IOException {
    try (InputStream in = file.getFileSystem().open(file)) {
      if (!Arrays.equals(metadata, in.readAllBytes())) {
        throw new IOException("there is another restore point in " + folder);
      }
    }
  }
}
