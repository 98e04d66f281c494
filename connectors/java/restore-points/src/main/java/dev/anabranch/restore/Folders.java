package dev.anabranch.restore;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.jspecify.annotations.Nullable;

/**
 * What lies in folders, each of them listed once: a folder of shared files has thousands, and
 * several checkpoints refer to it.
 */
final class Folders {
  private final Map<Path, Map<String, FileStatus>> known = new HashMap<>();

  /** What is in a folder, sorted by name; empty where it is not there. */
  List<FileStatus> in(Path folder) throws IOException {
    List<FileStatus> found = new ArrayList<>(listed(folder).values());
    found.sort(Comparator.comparing(status -> status.getPath().getName()));
    return found;
  }

  /** A file, as it was when its folder was listed; null where there was none. */
  @Nullable FileStatus file(Path file) throws IOException {
    FileStatus found = listed(file.getParent()).get(file.getName());
    return found == null || found.isDir() ? null : found;
  }

  /**
   * A file, which is asked for by itself if it was not listed: it may have been written since, and
   * a listing of a disk's folder may leave out a file that is just being replaced.
   */
  @Nullable FileStatus fileNow(Path file) throws IOException {
    FileStatus found = file(file);
    return found == null ? asked(file) : found;
  }

  /** A file, whatever was known of it. */
  static @Nullable FileStatus asked(Path file) throws IOException {
    try {
      FileStatus found = file.getFileSystem().getFileStatus(file);
      return found.isDir() ? null : found;
    } catch (FileNotFoundException e) {
      return null;
    }
  }

  /** Forgets what is in a folder. */
  void forget(Path folder) {
    known.remove(folder);
  }

  private Map<String, FileStatus> listed(Path folder) throws IOException {
    Map<String, FileStatus> listed = known.get(folder);
    if (listed == null) {
      listed = new HashMap<>();
      for (FileStatus status : list(folder)) {
        listed.put(status.getPath().getName(), status);
      }
      known.put(folder, listed);
    }
    return listed;
  }

  private static FileStatus[] list(Path folder) throws IOException {
    FileSystem files = folder.getFileSystem();
    try {
      FileStatus[] found = files.listStatus(folder);
      return found == null ? new FileStatus[0] : found; // the local one's answer
    } catch (FileNotFoundException e) {
      return new FileStatus[0];
    }
  }
}
