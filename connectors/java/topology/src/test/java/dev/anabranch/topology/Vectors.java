package dev.anabranch.topology;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Cases that the Python tests are held to as well. */
final class Vectors {
  private static final ObjectMapper JSON = new ObjectMapper();

  private Vectors() {}

  static JsonNode read(String name) {
    return read(name, "");
  }

  /** The file with {@code ${DIR}} filled in. */
  static JsonNode read(String name, String folder) {
    try {
      return JSON.readTree(Files.readString(find(name)).replace("${DIR}", folder));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Path find(String name) {
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      Path file = at.resolve("tests/unit/vectors").resolve(name);
      if (Files.exists(file)) {
        return file;
      }
    }
    throw new IllegalStateException("no tests/unit/vectors/" + name + " above the module");
  }
}
