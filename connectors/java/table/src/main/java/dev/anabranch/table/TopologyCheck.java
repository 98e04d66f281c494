package dev.anabranch.table;

import dev.anabranch.dedup.DedupOptions;
import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyException;
import dev.anabranch.topology.TopologyReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.TreeSet;
import org.apache.flink.table.api.ValidationException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds misspelt streams and paths when a statement is planned, and not after minutes. */
final class TopologyCheck {
  private static final Logger LOG = LoggerFactory.getLogger(TopologyCheck.class);

  private TopologyCheck() {}

  /**
   * Fails where the document lacks a stream or is a local file that does not exist. A publisher
   * that does not answer is no error: a job must start without it, from the cached document.
   *
   * @return the document, or null where it could not be read now
   */
  static @Nullable Topology streams(String location, @Nullable String... streams) {
    if (isMissingFile(location)) {
      throw new ValidationException("'topology' = '" + location + "': there is no such file");
    }
    TopologyReader reader;
    Topology topology;
    try {
      reader = new TopologyReader(location);
      topology = reader.read();
    } catch (TopologyException e) {
      LOG.warn("planning without the topology document: {}", e.getMessage());
      return null;
    }
    TreeSet<String> known = new TreeSet<>();
    topology.groups().values().forEach(group -> known.addAll(group.streams().keySet()));
    for (String stream : streams) {
      if (stream != null && !known.contains(stream)) {
        throw new ValidationException(
            "no stream '%s' in the topology %s; there are: %s"
                .formatted(stream, reader.where(), String.join(", ", known)));
      }
    }
    return topology;
  }

  /**
   * Fails where de-duplication would forget records that a primary may still deliver: a horizon
   * below the stream's retention.
   */
  static void horizon(Topology topology, String stream, DedupOptions dedup) {
    Long retentionS = topology.groupOf(stream).streams().get(stream).retentionS();
    if (retentionS == null) {
      return;
    }
    try {
      dedup.coveringRetention(Duration.ofSeconds(retentionS));
    } catch (IllegalArgumentException e) {
      throw new ValidationException(
          "'%s' of stream '%s': %s"
              .formatted(UnionOptions.DEDUP_HORIZON.key(), stream, e.getMessage()));
    }
  }

  private static boolean isMissingFile(String location) {
    if (location.startsWith("file:")) {
      return !Files.exists(Path.of(URI.create(location).getPath()));
    }
    return !location.contains(":") && !Files.exists(Path.of(location));
  }
}
