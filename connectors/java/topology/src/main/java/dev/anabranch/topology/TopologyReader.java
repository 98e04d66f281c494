package dev.anabranch.topology;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Reads one document now, from a path, http(s) or any URI that Flink's file systems know. What
 * follows a document over time uses {@link TopologyWatcher}.
 */
public final class TopologyReader {
  private final DocumentSource source;

  /**
   * @param location a path or URI
   */
  public TopologyReader(String location) {
    this.source = DocumentSource.of(location);
  }

  /** The place in words fit for errors: no user info and no query, which may hold a secret. */
  public String where() {
    return source.where();
  }

  /** Reads the document; throws {@link TopologyException} where that fails or it is invalid. */
  public Topology read() {
    try {
      return TopologyParser.parse(source.read(null).text(), source.where());
    } catch (IOException e) {
      throw new TopologyException(
          "cannot read topology " + source.where() + ": " + Causes.sentence(e), e);
    }
  }

  /**
   * The last good document that was kept of this place, in the folder where writers and readers
   * keep it by default; null if there is none.
   */
  public @Nullable Topology cached() {
    TopologyCache cache = TopologyCache.of(source.key(), null);
    TopologyCache.Cached kept = cache == null ? null : cache.load();
    return kept == null ? null : kept.topology();
  }
}
