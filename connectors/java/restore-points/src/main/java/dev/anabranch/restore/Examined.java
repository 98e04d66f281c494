package dev.anabranch.restore;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.Path;
import org.jspecify.annotations.Nullable;

/**
 * A restore point and what is wrong with it. It is complete if its metadata can be read and every
 * file that the metadata refers to is there with the length that the metadata says. What is in the
 * files is not read.
 *
 * @param folder where it is, or should be
 * @param modifiedMs when the newest of what is in its folder was written
 * @param point null where its metadata is missing or cannot be read
 * @param problem why it is not complete, or null
 * @param missing files that are not there, or not as they should be
 */
record Examined(
    Path folder,
    long modifiedMs,
    @Nullable RestorePoint point,
    @Nullable String problem,
    List<Missing> missing) {

  // Of more files that were not listed, the folders are listed anew.
  private static final int ASKED_FOR = 20;

  /** A file that is not as it should be, and why. */
  record Missing(Path path, String reason) {}

  /** Looks at what is in a folder. */
  static Examined at(Path folder, Folders folders) throws IOException {
    FileStatus metadata = folders.fileNow(new Path(folder, RestorePoint.METADATA));
    if (metadata == null) {
      return new Examined(folder, newest(folder, folders), null, notCompleted(), List.of());
    }
    RestorePoint point;
    try {
      point = RestorePoint.read(folder, metadata);
    } catch (FileNotFoundException e) {
      return new Examined(folder, newest(folder, folders), null, "it was deleted", List.of());
    } catch (IOException e) {
      return new Examined(folder, metadata.getModificationTime(), null, Sentences.of(e), List.of());
    }
    List<Missing> missing = missing(point, folders);
    if (missing.size() > ASKED_FOR) {
      missing.forEach(file -> folders.forget(file.path().getParent()));
      missing = missing(point, folders);
    }
    String problem = missing.isEmpty() ? null : problem(missing, point.files().size());
    return new Examined(folder, metadata.getModificationTime(), point, problem, missing);
  }

  /** Whether a job can be restored from it. */
  boolean isComplete() {
    return problem == null;
  }

  /** Whether it was there and is no more, as one that its job has replaced meanwhile. */
  boolean isGone(Folders folders) throws IOException {
    Path metadata = new Path(folder, RestorePoint.METADATA);
    return !isComplete() && folders.file(metadata) != null && Folders.asked(metadata) == null;
  }

  private static List<Missing> missing(RestorePoint point, Folders folders) throws IOException {
    List<Missing> missing = new ArrayList<>();
    for (StateFile file : point.files()) {
      FileStatus found =
          missing.size() < ASKED_FOR ? folders.fileNow(file.path()) : folders.file(file.path());
      if (found == null) {
        missing.add(new Missing(file.path(), "is not there"));
      } else if (found.getLen() < file.bytes() || file.exact() && found.getLen() > file.bytes()) {
        missing.add(
            new Missing(
                file.path(), "has " + found.getLen() + " bytes in place of " + file.bytes()));
      }
    }
    return missing;
  }

  private static String notCompleted() {
    return "no " + RestorePoint.METADATA + ": it was not completed, or is being written";
  }

  private static String problem(List<Missing> missing, int files) {
    Missing first = missing.get(0);
    String what = first.path().getName() + " " + first.reason();
    return missing.size() == 1
        ? what
        : what + ", and " + (missing.size() - 1) + " more of its " + files + " files";
  }

  private static long newest(Path folder, Folders folders) throws IOException {
    return folders.in(folder).stream().mapToLong(FileStatus::getModificationTime).max().orElse(0);
  }
}
