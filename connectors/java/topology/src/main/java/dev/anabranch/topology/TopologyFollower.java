package dev.anabranch.topology;

import java.io.IOException;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known of one document: the newest valid version and when its location last confirmed it.
 * Polled by one thread, read by many; no error leaves it.
 */
final class TopologyFollower {
  private static final Logger LOG = LoggerFactory.getLogger(TopologyFollower.class);

  private final DocumentSource source;
  private final @Nullable TopologyCache cache;
  private volatile @Nullable Topology current;
  private volatile @Nullable Instant lastFetched;
  private @Nullable Document document;
  private String lastProblem = "";
  private String lastCacheProblem = "";

  TopologyFollower(DocumentSource source, @Nullable TopologyCache cache) {
    this.source = source;
    this.cache = cache;
  }

  /** Reads once; takes the cached document if that gives none. */
  void open() {
    poll();
    TopologyCache.Cached cached = current == null && cache != null ? cache.load() : null;
    if (cached != null) {
      current = cached.topology();
      lastFetched = cached.confirmed();
      LOG.warn(
          "topology {}: generation {} from the cache, confirmed {}",
          source.where(),
          cached.topology().generation(),
          cached.confirmed());
    }
  }

  /** Reads once; keeps the current document if that fails or gives none that may follow it. */
  void poll() {
    try {
      take(source.read(document));
      lastProblem = "";
    } catch (Throwable e) {
      // Whatever it is, the only thread that follows the document goes on. Told once, not per poll.
      String problem = e instanceof TopologyException ? e.getMessage() : Causes.sentence(e);
      if (!Objects.equals(problem, lastProblem)) {
        Topology kept = current;
        LOG.warn(
            "topology {} stays at generation {}: {}",
            source.where(),
            kept == null ? "none" : kept.generation(),
            problem);
        LOG.debug("topology {}", source.where(), e);
      }
      lastProblem = problem == null ? "" : problem;
    }
  }

  private void take(Document found) {
    if (found != document || current == null) {
      Topology topology = TopologyParser.parse(found.text(), source.where());
      if (TopologyRules.isSuccessor(current, topology)) {
        LOG.info("topology {}: generation {}", source.where(), topology.generation());
        current = topology;
      }
      document = found;
    }
    lastFetched = Instant.now();
    keep(found.text());
  }

  private void keep(String text) {
    if (cache == null) {
      return;
    }
    try {
      cache.keep(text);
      lastCacheProblem = "";
    } catch (IOException | RuntimeException e) {
      String problem = Causes.sentence(e);
      if (!problem.equals(lastCacheProblem)) {
        LOG.warn("topology cannot be cached in {}: {}", cache.where(), problem);
      }
      lastCacheProblem = problem;
    }
  }

  @Nullable Topology current() {
    return current;
  }

  @Nullable Instant lastFetched() {
    return lastFetched;
  }

  String where() {
    return source.where();
  }
}
