package dev.anabranch.topology;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** One place that a document is read from. Called from one thread at a time. */
interface DocumentSource {
  /** No document is larger than this; more means that it is something else. */
  int MAX_BYTES = 4 * 1024 * 1024;

  /**
   * Fetches the document.
   *
   * @param known what an earlier call returned; the very same object comes back if nothing changed
   * @throws IOException the place does not answer in time, or has no document
   */
  Document read(@Nullable Document known) throws IOException;

  /** The place in words fit for logs: no user info and no query, which may hold a secret. */
  String where();

  /** The place, made absolute: what its cache is named by. May hold a secret. */
  String key();

  /** The source that a path or URI means. */
  static DocumentSource of(String location) {
    if (location.startsWith("http://") || location.startsWith("https://")) {
      return new HttpDocumentSource(location);
    }
    try {
      return new FileDocumentSource(location);
    } catch (IllegalArgumentException e) {
      throw new TopologyException("the topology's location is neither a path nor a URI");
    }
  }
}
