package dev.anabranch.table;

import dev.anabranch.topology.Topology;
import dev.anabranch.topology.TopologyException;
import dev.anabranch.topology.TopologyReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
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
   */
  static void streams(String location, @Nullable String... streams) {
    if (isMissingFile(location)) {
      throw new ValidationException("'topology' = '" + location + "': there is no such file");
    }
    Topology topology;
    try {
      topology = new TopologyReader(location).read();
    } catch (TopologyException e) {
      LOG.warn("planning without the topology document: {}", e.getMessage());
      return;
    }
    TreeSet<String> known = new TreeSet<>();
    topology.groups().values().forEach(group -> known.addAll(group.streams().keySet()));
    for (String stream : streams) {
      if (stream != null && !known.contains(stream)) {
        throw new ValidationException(
            "no stream '%s' in the topology %s; there are: %s"
                .formatted(stream, location, String.join(", ", known)));
      }
    }
  }

  private static boolean isMissingFile(String location) {
    if (location.startsWith("file:")) {
      return !Files.exists(Path.of(URI.create(location).getPath()));
    }
    return !location.contains(":") && !Files.exists(Path.of(location));
  }
}
