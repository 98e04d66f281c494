package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is shipped: a folder of jars, without Netty and Hadoop, and of a size that is looked at. */
class PluginDirectoryTest {
  private static final long MOST_BYTES = 8_000_000;

  private static List<Path> jars() throws IOException {
    Path folder = Path.of(System.getenv("FLINK_PLUGINS_DIR"), "azure-blob-fs");
    try (Stream<Path> found = Files.list(folder)) {
      return found.sorted().toList();
    }
  }

  @Test
  void isSmall() throws IOException {
    long bytes = 0;
    for (Path jar : jars()) {
      bytes += Files.size(jar);
    }
    System.out.printf("plugin azure-blob-fs: %.2f MB%n", bytes / 1e6);
    assertThat(bytes).isBetween(1_000_000L, MOST_BYTES);
  }

  @Test
  void hasOneJarOfEachAndNoneOfWhatFlinkBrings() throws IOException {
    List<String> names = jars().stream().map(jar -> jar.getFileName().toString()).toList();
    assertThat(names).allMatch(name -> name.endsWith(".jar"));
    assertThat(names.stream().map(name -> name.replaceAll("-\\d.*", "")))
        .doesNotHaveDuplicates()
        .contains("anabranch-azure-blob-fs", "azure-storage-blob", "azure-identity")
        .noneMatch(name -> name.matches("(netty|hadoop|flink|slf4j|log4j|jna).*"));
  }
}
