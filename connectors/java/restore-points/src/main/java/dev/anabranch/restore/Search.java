package dev.anabranch.restore;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.Path;

/** Finds checkpoints and savepoints in and below folders, complete or not. */
final class Search {
  // Of the root of all jobs, of one job's, of those that are protected.
  private static final int DEPTH = 3;
  // As Flink names them, and copies of them; all else is one if it has metadata.
  private static final Pattern NAMED = Pattern.compile("(.+-)?chk-[0-9]+|savepoint-.+");
  private static final Set<String> OF_FILES = Set.of("shared", "taskowned");

  private final Folders folders = new Folders();
  private final List<Examined> found = new ArrayList<>();

  /**
   * Looks into a folder.
   *
   * @param place of one restore point, or of several, or the metadata of one
   * @param beginnings of names; if there are any, all else in that folder is left out
   */
  void in(Path place, List<String> beginnings) throws IOException {
    if (place.getName().equals(RestorePoint.METADATA)) {
      add(place.getParent());
    } else if (isPoint(place)) {
      add(place);
    } else {
      below(place, beginnings, DEPTH);
    }
  }

  List<Examined> found() {
    return found;
  }

  private void below(Path folder, List<String> beginnings, int depth) throws IOException {
    for (FileStatus each : folders.in(folder)) {
      Path path = each.getPath();
      String name = path.getName();
      if (!each.isDir() || OF_FILES.contains(name) || !isWanted(name, beginnings)) {
        continue;
      }
      if (NAMED.matcher(name).matches() || isPoint(path)) {
        add(path);
      } else if (depth > 1) {
        below(path, List.of(), depth - 1);
      }
    }
  }

  private static boolean isWanted(String name, List<String> beginnings) {
    return beginnings.isEmpty() || beginnings.stream().anyMatch(name::startsWith);
  }

  private boolean isPoint(Path folder) throws IOException {
    return folders.in(folder).stream()
        .anyMatch(each -> each.getPath().getName().equals(RestorePoint.METADATA));
  }

  private void add(Path folder) throws IOException {
    Examined examined = Examined.at(folder, folders);
    // A job that runs deletes old ones while they are looked at.
    if (!examined.isGone(folders)) {
      found.add(examined);
    }
  }
}
