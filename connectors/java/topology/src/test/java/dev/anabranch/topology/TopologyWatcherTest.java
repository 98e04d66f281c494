package dev.anabranch.topology;

import static dev.anabranch.topology.Documents.document;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TopologyWatcherTest {
  private static final Duration INTERVAL = Duration.ofMillis(20);

  @TempDir Path folder;
  private final List<Long> told = new CopyOnWriteArrayList<>();

  @Test
  void tellsEachNewerGenerationOnce() throws Exception {
    write(document(3, "a"));
    try (TopologyWatcher watcher = open()) {
      assertThat(watcher.current()).isNotNull();
      watcher.onChange(topology -> told.add(topology.generation()));
      Await.until(() -> told.equals(List.of(3L)));
      write(document(4, "a", "b"));
      Await.until(() -> told.equals(List.of(3L, 4L)));
      write("# the same\n" + document(4, "a", "b"));
      polled(watcher);
      write(document(9, "a", "b"));
      Await.until(() -> told.equals(List.of(3L, 4L, 9L)));
      polled(watcher);
      assertThat(told).containsExactly(3L, 4L, 9L);
    }
  }

  @Test
  void staysOnTheLastGoodDocument() throws Exception {
    write(document(3, "a", "b"));
    try (TopologyWatcher watcher = open()) {
      watcher.onChange(topology -> told.add(topology.generation()));
      String[] bad = {
        "generation: 4\ngroups: {g: {prim",
        "",
        document(4, "a"),
        document(2, "a", "b"),
        document(3, "a", "b", "c"),
        document(4, "a", "b").replace("partitions: 2", "partitions: 0")
      };
      for (String text : bad) {
        polled(watcher);
        write(text);
        // A poll that had read the good document may still be under way.
        Thread.sleep(100);
        Instant confirmed = watcher.lastFetched();
        Thread.sleep(10 * INTERVAL.toMillis());
        assertThat(watcher.lastFetched()).as(text).isEqualTo(confirmed);
        assertThat(watcher.current().generation()).as(text).isEqualTo(3);
        write(document(3, "a", "b"));
      }
      write(document(5, "a", "b"));
      Await.until(() -> told.equals(List.of(3L, 5L)));
    }
  }

  @Test
  void restoresFromTheCacheWithoutThePublisher() throws Exception {
    Path file = write(document(3, "a", "b"));
    Instant confirmed;
    try (TopologyWatcher watcher = open()) {
      confirmed = watcher.lastFetched();
    }
    Files.delete(file);
    try (TopologyWatcher watcher = open()) {
      watcher.onChange(topology -> told.add(topology.generation()));
      Await.until(() -> told.equals(List.of(3L)));
      assertThat(watcher.lastFetched())
          .isBetween(confirmed.minusSeconds(2), confirmed.plusSeconds(2));
    }
    try (var files = Files.list(folder.resolve("cache"))) {
      assertThat(files.map(path -> path.getFileName().toString()))
          .singleElement()
          .asString()
          .matches("[0-9a-f]{32}\\.yaml");
    }
  }

  @Test
  void waitsForADocumentAndWithAnUnusableCacheToo() throws Exception {
    Files.writeString(folder.resolve("cache"), "a file where the folder should be");
    try (TopologyWatcher watcher = open()) {
      assertThat(watcher.current()).isNull();
      assertThat(watcher.lastFetched()).isNull();
      watcher.onChange(topology -> told.add(topology.generation()));
      write(document(1, "a"));
      Await.until(() -> told.equals(List.of(1L)));
    }
  }

  @Test
  void followsAServerThroughItsFailures() throws Exception {
    try (DocumentServer server = new DocumentServer()) {
      server.text = document(1, "a");
      String cache = folder.resolve("cache").toString();
      try (TopologyWatcher watcher = TopologyWatcher.open(server.url(), INTERVAL, cache)) {
        watcher.onChange(topology -> told.add(topology.generation()));
        Await.until(() -> server.conditions.size() > 3 && told.size() == 1);
        server.instead = exchange -> exchange.sendResponseHeaders(500, -1);
        server.text = document(2, "a");
        int before = server.conditions.size();
        Await.until(() -> server.conditions.size() > before + 3);
        assertThat(watcher.current().generation()).isEqualTo(1);
        server.instead = null;
        Await.until(() -> told.equals(List.of(1L, 2L)));
      }
    }
  }

  @Test
  void sharesOnePollerAndItsThreadEndsWithTheLastWatcher() throws Exception {
    write(document(1, "a"));
    TopologyWatcher first = open();
    TopologyWatcher second = open();
    List<Long> others = new CopyOnWriteArrayList<>();
    first.onChange(topology -> told.add(topology.generation()));
    second.onChange(topology -> others.add(topology.generation()));
    assertThat(threads()).hasSize(1);
    Await.until(() -> told.equals(List.of(1L)) && others.equals(List.of(1L)));
    first.close();
    first.close();
    write(document(2, "a"));
    Await.until(() -> others.equals(List.of(1L, 2L)));
    assertThat(told).containsExactly(1L);
    assertThat(threads()).hasSize(1);
    second.close();
    Await.until(() -> threads().isEmpty());
    try (TopologyWatcher again = open()) {
      assertThat(again.current().generation()).isEqualTo(2);
      assertThat(threads()).hasSize(1);
    }
  }

  @Test
  void survivesListenersThatFailAndOnesThatClose() throws Exception {
    write(document(1, "a"));
    TopologyWatcher closing = open();
    try (TopologyWatcher watcher = open()) {
      watcher.onChange(
          topology -> {
            throw new LinkageError("the listener's own fault");
          });
      closing.onChange(topology -> closing.close());
      watcher.onChange(topology -> told.add(topology.generation()));
      Await.until(() -> told.equals(List.of(1L)));
      write(document(2, "a"));
      Await.until(() -> told.equals(List.of(1L, 2L)));
    }
  }

  @Test
  void namesItsCacheAsPythonDoes() throws Exception {
    FileDocumentSource absolute = new FileDocumentSource("/etc/topology.yaml");
    assertThat(absolute.key()).isEqualTo("/etc/topology.yaml");
    assertThat(new FileDocumentSource("file:///etc/topology.yaml").key()).isEqualTo(absolute.key());
    assertThat(new FileDocumentSource("topology.yaml").key())
        .isEqualTo(Path.of("topology.yaml").toAbsolutePath().toString());
    // sha256 of the location, as tests/unit/test_topology_watcher.py has it.
    assertThat(TopologyCache.of(absolute.key(), folder.toString()).where())
        .endsWith("/" + PYTHON_NAME + ".yaml");
  }

  private static final String PYTHON_NAME = "bb59bb99914bef4931483ef6e9ff7566";

  private List<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("topology-" + folder.resolve("topology.yaml")))
        .toList();
  }

  private TopologyWatcher open() {
    String cache = folder.resolve("cache").toString();
    return TopologyWatcher.open(folder.resolve("topology.yaml").toString(), INTERVAL, cache);
  }

  private static void polled(TopologyWatcher watcher) throws InterruptedException {
    Instant before = Instant.now();
    Await.until(() -> watcher.lastFetched() != null && watcher.lastFetched().isAfter(before));
  }

  private Path write(String text) throws IOException {
    Path temporary = Files.writeString(folder.resolve("topology.tmp"), text);
    // Old enough to count as settled: the tests need not wait for that.
    Files.setLastModifiedTime(temporary, FileTime.from(Instant.now().minusSeconds(60)));
    return Files.move(
        temporary, folder.resolve("topology.yaml"), StandardCopyOption.REPLACE_EXISTING);
  }
}
