package dev.anabranch.table;

import dev.anabranch.dedup.DedupOptions;
import dev.anabranch.prism.PrismOptions;
import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyException;
import dev.anabranch.topology.TopologyReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.ValidationException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds misspelt streams, primaries and paths when a statement is planned, and not after minutes.
 */
final class TopologyCheck {
  private static final Logger LOG = LoggerFactory.getLogger(TopologyCheck.class);

  private TopologyCheck() {}

  /**
   * Fails where the document lacks a stream or is a local file that does not exist. Where it cannot
   * be read now the cached one counts, by which a job starts then, too; without one a publisher
   * that does not answer is still no error.
   *
   * @return the document, or null where there is none now
   */
  static @Nullable Topology streams(String location, @Nullable String... streams) {
    TopologyReader reader = new TopologyReader(location);
    Topology topology = document(reader, location);
    if (topology == null) {
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

  /** Fails where a position is for a primary that the stream's group does not have. */
  static void primaries(Topology topology, String stream, ScanPositions positions) {
    primaries(topology, stream, UnionOptions.STARTUP_PRIMARY, positions.starts().keySet());
    primaries(topology, stream, UnionOptions.BOUNDED_PRIMARY, positions.stops().keySet());
  }

  /** Fails where the stream's group does not have the home, as the writer would at its start. */
  static void home(Topology topology, String stream, String home) {
    if (!home.isEmpty()) {
      primary(topology, stream, "'%s' = '%s'".formatted(PrismOptionKeys.HOME.key(), home), home);
    }
  }

  /** Fails where the stream has no second copy to do without. A writer would only say so. */
  static void copies(Topology topology, String stream, PrismOptions options) {
    try {
      options.checkCopies(stream, topology.groupOf(stream).streams().get(stream).copies());
    } catch (IllegalArgumentException e) {
      throw new ValidationException(e.getMessage());
    }
  }

  private static void primaries(
      Topology topology, String stream, ConfigOption<?> option, Set<String> named) {
    named.forEach(
        primary -> primary(topology, stream, "'%s.%s'".formatted(option.key(), primary), primary));
  }

  private static void primary(Topology topology, String stream, String option, String primary) {
    // Tombstones too: a statement outlives the primaries that it names.
    Set<String> known = new TreeSet<>(topology.groupOf(stream).primaries().keySet());
    if (!known.contains(primary)) {
      throw new ValidationException(
          "%s: stream '%s' has no primary '%s'%s; there are: %s"
              .formatted(
                  option,
                  stream,
                  primary,
                  OptionNames.closest(primary, known),
                  String.join(", ", known)));
    }
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

  private static @Nullable Topology document(TopologyReader reader, String location) {
    try {
      return reader.read();
    } catch (TopologyException e) {
      Topology cached = reader.cached();
      if (cached == null && isMissingFile(location)) {
        throw new ValidationException(
            "'topology' = '" + location + "': there is no such file, and no copy in the cache");
      }
      LOG.warn(
          "planning {} the topology document: {}",
          cached == null ? "without" : "by the cached copy of",
          e.getMessage());
      return cached;
    }
  }

  private static boolean isMissingFile(String location) {
    if (location.startsWith("file:")) {
      return !Files.exists(Path.of(URI.create(location).getPath()));
    }
    return !location.contains(":") && !Files.exists(Path.of(location));
  }
}
