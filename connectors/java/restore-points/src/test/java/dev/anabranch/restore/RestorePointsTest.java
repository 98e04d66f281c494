package dev.anabranch.restore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.FileUtils;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Restore points of each kind, made by one real job on the local disk: all tests use copies. */
@Timeout(110)
class RestorePointsTest {
  @RegisterExtension
  static final MiniClusterExtension FLINK =
      new MiniClusterExtension(
          new MiniClusterResourceConfiguration.Builder()
              .setNumberTaskManagers(1)
              .setNumberSlotsPerTaskManager(1)
              .build());

  /** Where the job wrote; nothing is changed there. */
  @TempDir static Path made;

  /** The same files at the same path as the metadata says, whatever a test does to them. */
  private static Path root;

  @TempDir Path elsewhere;

  private static String jobId;
  private static String canonical;
  private static String inNativeForm;

  @BeforeAll
  static void runTheJob() throws Exception {
    root = made.resolve("root");
    CountingJob job = CountingJob.start(CountingJob.options(root.resolve("checkpoints"), true));
    jobId = job.client.getJobID().toString();
    job.awaitCounts();
    canonical = savepoint(job, SavepointFormatType.CANONICAL);
    inNativeForm = savepoint(job, SavepointFormatType.NATIVE);
    job.await(() -> complete(run()).size() >= 3);
    job.cancel();
    CountingJob full = CountingJob.start(CountingJob.options(root.resolve("full"), false));
    full.await(() -> complete(root.resolve("full").toUri().toString()).size() >= 1);
    full.cancel();
    copy(root, made.resolve("kept"));
  }

  @BeforeEach
  void asItWas() throws IOException {
    FileUtils.deleteDirectory(root.toFile());
    copy(made.resolve("kept"), root);
  }

  @Test
  void eachKindIsToldFromTheOthers() throws Exception {
    List<JsonNode> found = new ArrayList<>();
    for (JsonNode each : found(root.toUri().toString())) {
      // The job may have been ended in the midst of one.
      if (each.get("complete").asBoolean()) {
        found.add(each);
      } else {
        assertThat(each.get("problem").asText()).startsWith("no _metadata");
      }
    }
    assertThat(kind(found, "checkpoints/" + jobId)).containsOnly("incremental checkpoint");
    assertThat(kind(found, "savepoints")).contains("canonical savepoint", "native savepoint");
    assertThat(kind(found, "full/")).containsOnly("full checkpoint");
    JsonNode newest = newest();
    assertThat(newest.get("uri").asText()).endsWith("chk-" + newest.get("checkpoint_id").asLong());
    assertThat(newest.get("modified_ms").asLong()).isPositive();
  }

  @Test
  void theMetadataIsShownWithoutTheClassesOfTheJob() throws Exception {
    JsonNode shown = json(RestorePoints.show(newest().get("uri").asText()));
    List<JsonNode> counts = new ArrayList<>();
    for (JsonNode operator : shown.get("operators")) {
      if (operator.get("uid").asText().equals("count")) {
        counts.add(operator);
      }
    }
    assertThat(counts).hasSize(1);
    JsonNode count = counts.get(0);
    assertThat(count.get("parallelism").asInt()).isEqualTo(1);
    assertThat(count.get("max_parallelism").asInt()).isEqualTo(128);
    assertThat(count.get("hash").asText()).matches("[0-9a-f]{32}");
    assertThat(count.get("bytes").asLong()).isPositive();
    long bytes = shown.get("metadata_bytes").asLong();
    boolean shares = false;
    for (JsonNode file : shown.get("referenced")) {
      bytes += file.get("bytes").asLong();
      shares |= !file.get("own").asBoolean() && file.get("uri").asText().contains("/shared/");
    }
    assertThat(shares).as("files that are shared with other checkpoints").isTrue();
    assertThat(shown.get("bytes").asLong()).isEqualTo(bytes);
    assertThat(shown.get("files").asInt()).isEqualTo(shown.get("referenced").size());
  }

  @Test
  void aFileThatIsGoneOrCutMakesItIncomplete() throws Exception {
    String uri = newest().get("uri").asText();
    JsonNode files = json(RestorePoints.show(uri)).get("referenced");
    Path gone = local(files.get(0).get("uri").asText());
    Path cut = local(files.get(files.size() - 1).get("uri").asText());
    Files.delete(gone);
    Files.write(cut, new byte[1]);
    JsonNode checked = json(RestorePoints.check(uri));
    assertThat(checked.get("complete").asBoolean()).isFalse();
    assertThat(checked.get("problem").asText())
        .isEqualTo(
            gone.getFileName() + " is not there, and 1 more of its " + files.size() + " files");
    assertThat(checked.get("missing")).hasSize(2);
    assertThat(checked.get("missing").get(0).get("uri").asText()).endsWith(gone.toString());
    assertThat(checked.get("missing").get(1).get("reason").asText())
        .startsWith("has 1 bytes in place of ");
    assertThatThrownBy(() -> RestorePoints.protect(uri, elsewhere.toUri() + "copy"))
        .hasMessageStartingWith("it is not complete: ");
  }

  @Test
  void whatIsNotCompletedOrDamagedIsListedWithTheReason() throws Exception {
    Path run = local(run());
    Files.createDirectory(run.resolve("chk-9998"));
    Files.createDirectory(run.resolve("chk-9999"));
    Files.write(run.resolve("chk-9999/_metadata"), new byte[] {0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 6});
    List<JsonNode> broken = new ArrayList<>();
    for (JsonNode each : found(run())) {
      if (each.get("uri").asText().contains("/chk-999")) {
        broken.add(each);
      }
    }
    assertThat(broken)
        .extracting(each -> each.get("problem").asText())
        .containsExactly(
            "no _metadata: it was not completed, or is being written",
            "its metadata is cut or damaged");
  }

  @Test
  void aCopyIsRestoredAfterTheOriginalIsGone() throws Exception {
    restoreCopiesOf(List.of(newest().get("uri").asText()));
  }

  @Test
  @Tag("long")
  void soAreCopiesOfSavepointsAndFullCheckpoints() throws Exception {
    String full = complete(root.resolve("full").toUri().toString()).get(0);
    restoreCopiesOf(List.of(canonical, inNativeForm, full));
  }

  private void restoreCopiesOf(List<String> uris) throws Exception {
    List<String> copies = new ArrayList<>();
    for (String uri : uris) {
      String target = elsewhere.toUri() + "copy-" + copies.size();
      JsonNode done = json(RestorePoints.protect(uri, target));
      assertThat(done.get("point").get("complete").asBoolean()).isTrue();
      assertThat(done.get("point").get("kind"))
          .isEqualTo(json(RestorePoints.check(uri)).get("kind"));
      assertThat(done.get("copied").asInt()).isEqualTo(done.get("point").get("files").asInt());
      copies.add(target);
    }
    FileUtils.deleteDirectory(root.toFile());
    for (String copy : copies) {
      assertThat(json(RestorePoints.show(copy)).get("referenced"))
          .allMatch(file -> file.get("own").asBoolean());
      // With CLAIM the next checkpoints of the job refer to files of the copy.
      Configuration options = CountingJob.options(elsewhere.resolve("again"), true);
      CountingJob job = CountingJob.restored(options, copy, RecoveryClaimMode.CLAIM);
      String again = elsewhere.resolve("again").toUri() + job.client.getJobID().toString();
      job.await(() -> complete(again).size() >= 1);
      job.cancel();
      String next = complete(again).get(0);
      CountingJob.restored(
              CountingJob.options(elsewhere.resolve("last"), true),
              next,
              RecoveryClaimMode.NO_CLAIM)
          .cancel();
    }
  }

  @Test
  void aCopyThatWasInterruptedIsNoneUntilItIsMadeAgain() throws Exception {
    String uri = newest().get("uri").asText();
    Path copy = elsewhere.resolve("copies/run-chk-1");
    String target = copy.toUri().toString();
    int files = json(RestorePoints.protect(uri, target)).get("copied").asInt();
    Files.delete(copy.resolve("_metadata"));
    String name =
        Path.of(json(RestorePoints.show(uri)).get("referenced").get(0).get("uri").asText())
            .getFileName()
            .toString();
    Files.write(copy.resolve(name), new byte[1]);
    assertThat(found(copy.getParent().toUri().toString()))
        .singleElement()
        .matches(point -> !point.get("complete").asBoolean());
    assertThat(json(RestorePoints.protect(uri, target)).get("copied").asInt())
        .as("of %s files, one was cut", files)
        .isEqualTo(1);
    assertThat(json(RestorePoints.protect(uri, target)).get("copied").asInt()).isZero();
    assertThat(json(RestorePoints.check(target)).get("complete").asBoolean()).isTrue();
    assertThatThrownBy(() -> RestorePoints.protect(canonical, target))
        .hasMessageStartingWith("there is another restore point in ");
  }

  @Test
  void aFileThatIsDeletedMeanwhileLeavesNoCopy() throws Exception {
    org.apache.flink.core.fs.Path folder =
        new org.apache.flink.core.fs.Path(newest().get("uri").asText());
    Examined examined = Examined.at(folder, new Folders());
    Path target = elsewhere.resolve("copy");
    Copy copy =
        new Copy(examined.point(), new org.apache.flink.core.fs.Path(target.toUri().toString()));
    List<StateFile> files = new ArrayList<>(examined.point().files());
    Path gone = local(files.get(files.size() - 1).path().toString());
    Files.delete(gone);
    assertThatThrownBy(copy::make).hasMessageEndingWith(gone + " was deleted while it was copied");
    assertThat(target.resolve("_metadata")).doesNotExist();
  }

  @Test
  void twoWhoMakeOneCopyAtOnceLeaveAWholeOne() throws Exception {
    String uri = newest().get("uri").asText();
    for (int round = 0; round < 5; round++) {
      String target = elsewhere.toUri() + "copy-" + round;
      Callable<String> protect = () -> RestorePoints.protect(uri, target);
      ExecutorService threads = Executors.newFixedThreadPool(3);
      try {
        for (Future<String> done : threads.invokeAll(List.of(protect, protect, protect))) {
          assertThat(json(done.get()).get("point").get("complete").asBoolean()).isTrue();
        }
      } finally {
        threads.shutdownNow();
      }
      assertThat(json(RestorePoints.check(target)).get("complete").asBoolean()).isTrue();
    }
  }

  private static String run() {
    return root.resolve("checkpoints").toUri() + jobId;
  }

  private static String savepoint(CountingJob job, SavepointFormatType format) throws Exception {
    return job.client.triggerSavepoint(root.resolve("savepoints").toUri().toString(), format).get();
  }

  private static JsonNode newest() throws IOException {
    JsonNode newest = null;
    for (JsonNode each : found(run())) {
      if (!each.get("complete").asBoolean()) {
        continue;
      }
      if (newest == null
          || each.get("checkpoint_id").asLong() > newest.get("checkpoint_id").asLong()) {
        newest = each;
      }
    }
    assertThat(newest).isNotNull();
    return newest;
  }

  private static List<JsonNode> found(String place) throws IOException {
    RestorePoints points = new RestorePoints();
    points.find(place, List.of());
    List<JsonNode> found = new ArrayList<>();
    json(points.found()).forEach(found::add);
    return found;
  }

  private static List<String> complete(String place) throws IOException {
    List<String> complete = new ArrayList<>();
    for (JsonNode each : found(place)) {
      if (each.get("complete").asBoolean()) {
        complete.add(each.get("uri").asText());
      }
    }
    return complete;
  }

  private static List<String> kind(List<JsonNode> found, String part) {
    List<String> kinds = new ArrayList<>();
    for (JsonNode each : found) {
      if (each.get("uri").asText().contains(part)) {
        kinds.add(each.get("kind").asText());
      }
    }
    return kinds;
  }

  private static Path local(String uri) {
    return Path.of(new org.apache.flink.core.fs.Path(uri).getPath());
  }

  private static JsonNode json(String text) throws IOException {
    return new ObjectMapper().readTree(text);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path each : (Iterable<Path>) all::iterator) {
        Files.copy(each, to.resolve(from.relativize(each).toString()));
      }
    }
  }
}
