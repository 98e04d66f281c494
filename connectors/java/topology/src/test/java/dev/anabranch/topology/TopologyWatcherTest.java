package dev.anabranch.topology;

import static dev.anabranch.topology.Documents.document;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TopologyWatcherTest {
  private static final Duration INTERVAL = Duration.ofMillis(20);

  @TempDir Path folder;

  @Test
  void tellsEachNewerGenerationOnce() throws Exception {
    Path file = write(document(3, "a"));
    List<Long> told = Collections.synchronizedList(new ArrayList<>());
    try (TopologyWatcher watcher = open(file)) {
      assertThat(watcher.current()).isNotNull();
      watcher.onChange(topology -> told.add(topology.generation()));
      Await.until(() -> told.equals(List.of(3L)));
      write(document(4, "a", "b"));
      Await.until(() -> told.equals(List.of(3L, 4L)));
    }
  }

  @Test
  void staysOnTheLastGoodDocumentAndTakesItFromTheCacheAtARestart() throws Exception {
    Path file = write(document(3, "a", "b"));
    try (TopologyWatcher watcher = open(file)) {
      var confirmed = watcher.lastFetched();
      write(document(4, "a"));
      Thread.sleep(200);
      assertThat(watcher.current().generation()).isEqualTo(3);
      assertThat(confirmed).isNotNull();
    }
    Files.delete(file);
    try (TopologyWatcher watcher = open(file)) {
      assertThat(watcher.current().generation()).isEqualTo(3);
      assertThat(watcher.lastFetched()).isNotNull();
    }
  }

  private TopologyWatcher open(Path file) {
    return TopologyWatcher.open(file.toString(), INTERVAL, folder.resolve("cache").toString());
  }

  private Path write(String text) throws IOException {
    Path temporary = Files.writeString(folder.resolve("topology.tmp"), text);
    return Files.move(
        temporary,
        folder.resolve("topology.yaml"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
  }
}
