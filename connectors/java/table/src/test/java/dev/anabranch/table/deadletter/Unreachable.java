package dev.anabranch.table.deadletter;

import dev.anabranch.prism.PrismOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** Streams {@code rows} and {@code letters} whose only primary cannot be reached. */
public final class Unreachable {
  private Unreachable() {}

  /** Writes the document into the folder and returns its place. */
  public static String topology(Path folder) {
    String text =
        """
        generation: 1
        groups:
          g:
            primaries: {a: {bootstrap: ["127.0.0.1:1"]}}
            streams: {rows: {partitions: 1}, letters: {partitions: 1}}
        """;
    try {
      return Files.writeString(folder.resolve("topology.yaml"), text).toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Options with that patience. */
  public static PrismOptions options(Path folder, Duration maxBlock) {
    return PrismOptions.builder().maxBlock(maxBlock).cacheDirectory(folder.toString()).build();
  }

  /** Letters that wait for a second before they fail the job. */
  public static DeadLetterStream letters(Path folder) {
    PrismOptions options = options(folder, Duration.ofSeconds(1));
    return new DeadLetterStream(topology(folder), "letters", 1000, options);
  }
}
