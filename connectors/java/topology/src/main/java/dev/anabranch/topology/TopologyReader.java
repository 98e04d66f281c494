package dev.anabranch.topology;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import org.apache.flink.core.fs.Path;

/** Reads one document from any URI that Flink's file systems know. */
public final class TopologyReader {
  private static final ObjectMapper YAML =
      new ObjectMapper(new YAMLFactory())
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);

  private final String location;

  /**
   * @param location a path or URI; http and https are fetched directly
   */
  public TopologyReader(String location) {
    this.location = location;
  }

  /** Reads the document now; throws {@link TopologyException} where that fails. */
  public Topology read() {
    try (InputStream in = open()) {
      return YAML.readValue(in, Topology.class);
    } catch (IOException e) {
      throw new TopologyException("cannot read topology " + location + ": " + e.getMessage(), e);
    }
  }

  private InputStream open() throws IOException {
    if (location.startsWith("http://") || location.startsWith("https://")) {
      return URI.create(location).toURL().openStream();
    }
    Path path = new Path(location);
    return path.getFileSystem().open(path);
  }
}
