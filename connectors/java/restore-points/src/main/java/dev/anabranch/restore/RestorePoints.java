package dev.anabranch.restore;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.core.fs.Path;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.jspecify.annotations.Nullable;

/**
 * What Python calls. Places are URIs of Flink's file systems, those of plugins among them; answers
 * are JSON. All methods throw {@link IOException} where storage cannot be reached or used, with a
 * sentence. For one thread.
 */
public final class RestorePoints {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Search search = new Search();

  /**
   * Looks for restore points in one more place.
   *
   * @param place URI of a folder
   * @param beginnings of names that are wanted there; empty: all
   */
  public void find(String place, List<String> beginnings) throws IOException {
    search.in(new Path(place), beginnings);
  }

  /** All that were found, each once, in no order. */
  public String found() throws IOException {
    Map<Path, Object> told = new LinkedHashMap<>();
    for (Examined examined : search.found()) {
      told.putIfAbsent(examined.folder(), Description.brief(examined));
    }
    return JSON.writeValueAsString(new ArrayList<>(told.values()));
  }

  /** One restore point, with all that is in its metadata. */
  public static String show(String uri) throws IOException {
    return JSON.writeValueAsString(Description.whole(examined(uri)));
  }

  /** One restore point, as in {@link #found}. */
  public static String check(String uri) throws IOException {
    return JSON.writeValueAsString(Description.brief(examined(uri)));
  }

  /**
   * Copies one with all of its files.
   *
   * @param uri of it
   * @param target URI of the folder that the copy is to be
   * @return what was done: {@code copied} says how many files were
   */
  public static String protect(String uri, String target) throws IOException {
    Examined examined = examined(uri);
    if (examined.point() == null || !examined.isComplete()) {
      throw new IOException("it is not complete: " + examined.problem());
    }
    Map<String, @Nullable Object> told = new LinkedHashMap<>();
    Copy copy = new Copy(examined.point(), new Path(target));
    told.put("copied", copy.make());
    told.put("point", Description.brief(copy.checked()));
    return JSON.writeValueAsString(told);
  }

  private static Examined examined(String uri) throws IOException {
    Path path = new Path(uri);
    boolean isMetadata = path.getName().equals(RestorePoint.METADATA);
    return Examined.at(isMetadata ? path.getParent() : path, new Folders());
  }
}
