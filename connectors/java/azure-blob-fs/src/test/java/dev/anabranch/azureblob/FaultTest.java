package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.read;
import static dev.anabranch.azureblob.Contents.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.azureblob.FaultProxy.Fault;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.core.fs.CloseableRegistry;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.PathsCopyingFileSystem;
import org.apache.flink.core.fs.PathsCopyingFileSystem.CopyRequest;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream.Committer;
import org.apache.flink.core.fs.RecoverableWriter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Answers that are lost after the service has done its work, refusals, resets and delays. */
class FaultTest {
  private static final int BLOCK = 256 * 1024;
  private static FaultProxy proxy;
  private static FileSystem files;
  private static FileSystem direct;
  private static Path base;

  @BeforeAll
  static void open() throws Exception {
    Cloud cloud = Cloud.local();
    base = new Path(cloud.location(), "faults-" + UUID.randomUUID());
    direct = cloud.fileSystem();
    proxy = new FaultProxy(cloud);
    Configuration options = proxy.options();
    options.set(AzureBlobOptions.BLOCK_SIZE, new MemorySize(BLOCK));
    options.set(AzureBlobOptions.RETRIES, 3);
    options.set(AzureBlobOptions.REQUEST_TIMEOUT, Duration.ofSeconds(20));
    files = cloud.fileSystem(options, cloud.location());
  }

  @AfterEach
  void heal() {
    proxy.rule = request -> Fault.none();
    proxy.requests.clear();
  }

  @AfterAll
  static void close() {
    if (proxy != null) {
      proxy.close();
    }
  }

  private static Path path(String name) {
    return new Path(base, name);
  }

  @Test
  void knowsItsOwnFileWhereTheAnswerWasLost() throws IOException {
    proxy.first(1, "PUT", "lost-small", Fault.lost());
    write(files, path("lost-small"), random(1, 100));
    assertThat(proxy.count("PUT", "lost-small")).isEqualTo(2);
    assertThat(read(direct, path("lost-small"))).isEqualTo(random(1, 100));
  }

  @Test
  void knowsItsOwnCommitOfBlocksWhereTheAnswerWasLost() throws IOException {
    proxy.first(1, "PUT", "comp=blocklist", Fault.lost());
    write(files, path("lost-large"), random(2, 3 * BLOCK + 7));
    assertThat(proxy.count("PUT", "comp=blocklist")).isEqualTo(2);
    assertThat(read(direct, path("lost-large"))).isEqualTo(random(2, 3 * BLOCK + 7));
  }

  @Test
  void takesNoOtherFileForItsOwn() throws IOException {
    write(direct, path("other"), random(3, 100));
    proxy.first(1, "PUT", "other", Fault.reset());
    assertThatThrownBy(() -> write(files, path("other"), random(4, 100)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("exists already");
    assertThat(read(direct, path("other"))).isEqualTo(random(3, 100));
  }

  @Test
  void commitsAgainWhatHasBeenCommitted() throws IOException {
    RecoverableWriter writer = files.createRecoverableWriter();
    Committer committer;
    try (RecoverableFsDataOutputStream out = writer.open(path("recommitted"))) {
      out.write(random(5, 1000));
      committer = out.closeForCommit();
    }
    proxy.first(1, "PUT", "comp=blocklist", Fault.lost());
    committer.commit();
    writer.recoverForCommit(committer.getRecoverable()).commitAfterRecovery();
    assertThat(read(direct, path("recommitted"))).isEqualTo(random(5, 1000));
  }

  @Test
  void waitsAsLongAsTheServiceAsksFor() throws IOException {
    proxy.first(1, "PUT", "throttled", Fault.answered(503, "Retry-After", "1"));
    long began = System.nanoTime();
    write(files, path("throttled"), random(6, 10));
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofSeconds(1));
    assertThat(read(direct, path("throttled"))).isEqualTo(random(6, 10));
  }

  @Test
  void repeatsWhatIsRefusedForNow() throws IOException {
    for (int status : new int[] {429, 500, 503}) {
      proxy.requests.clear();
      proxy.first(1, "PUT", "refused", Fault.answered(status));
      write(files, path("refused-" + status), random(status, 10));
      assertThat(proxy.count("PUT", "refused")).isEqualTo(2);
      proxy.first(1, "GET", "refused", Fault.answered(status));
      assertThat(read(files, path("refused-" + status))).isEqualTo(random(status, 10));
      proxy.first(1, "GET", "comp=list", Fault.answered(status));
      assertThat(files.listStatus(path("refused-none"))).isEmpty();
      proxy.first(1, "DELETE", "refused", Fault.answered(status));
      assertThat(files.delete(path("refused-" + status), false)).isTrue();
    }
  }

  @Test
  void asksOnceWhetherAJobMayStart() throws Exception {
    FileSystem fresh = Cloud.local().fileSystem(impatient(), base.toString());
    proxy.rule = request -> Fault.answered(403);
    assertThatThrownBy(() -> fresh.mkdirs(path("mine")))
        .hasMessageStartingWith(
            "cannot use " + path("mine") + ": account anabranch refuses client ")
        .hasMessageContaining("give it the role Storage Blob Data Contributor");
    // Who is merely away may be back before the first checkpoint.
    for (Fault passing : List.of(Fault.answered(503), Fault.reset())) {
      proxy.rule = request -> passing;
      assertThat(fresh.mkdirs(path("mine"))).isTrue();
    }
    heal();
    assertThat(fresh.mkdirs(path("mine"))).isTrue();
    assertThat(fresh.mkdirs(path("mine/chk-1"))).isTrue();
    assertThat(proxy.requests).hasSize(1);
  }

  private static Configuration impatient() {
    Configuration options = proxy.options();
    options.set(AzureBlobOptions.RETRIES, 0);
    return options;
  }

  @Test
  void publishesNothingWhereABlockCannotBeStaged() throws IOException {
    proxy.rule = request -> request.contains("comp=block&") ? Fault.answered(503) : Fault.none();
    FSDataOutputStream out = files.create(path("hopeless"), WriteMode.NO_OVERWRITE);
    out.write(random(7, 3 * BLOCK));
    assertThatThrownBy(out::close)
        .isInstanceOf(IOException.class)
        .hasMessageMatching(
            "cannot write abfss://.*/hopeless: account anabranch answered 503 \\(no further reason\\)"
                + " to each attempt: it is overloaded, or down");
    assertThat(proxy.count("PUT", "comp=blocklist")).isZero();
    assertThat(direct.exists(path("hopeless"))).isFalse();
  }

  @Test
  void publishesNothingWhereAWriteHasFailed() throws IOException {
    proxy.rule = request -> request.contains("comp=block&") ? Fault.answered(400) : Fault.none();
    FSDataOutputStream out = files.create(path("failed"), WriteMode.NO_OVERWRITE);
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 1000; i++) {
                out.write(random(8, BLOCK));
              }
            })
        .isInstanceOf(IOException.class)
        .hasMessageContaining("answered 400");
    proxy.rule = request -> Fault.none();
    out.close();
    assertThat(direct.exists(path("failed"))).isFalse();
  }

  @Test
  void waitsWithACloseForAnotherOneSoThatADeleteFindsTheFile() throws Exception {
    proxy.first(1, "PUT", "cancelled", Fault.held(1_000));
    FSDataOutputStream out = files.create(path("cancelled"), WriteMode.NO_OVERWRITE);
    out.write(random(14, 10));
    Thread publisher = new Thread(() -> closeQuietly(out));
    publisher.start();
    while (proxy.count("PUT", "cancelled") == 0) {
      Thread.sleep(10);
    }
    out.close();
    files.delete(path("cancelled"), false);
    publisher.join();
    assertThat(direct.exists(path("cancelled"))).isFalse();
  }

  @Test
  void publishesNothingWhenAnotherThreadClosesItInTheMidstOfAWrite() throws Exception {
    proxy.rule = request -> request.contains("comp=block&") ? Fault.held(500) : Fault.none();
    FSDataOutputStream out = files.create(path("amidst"), WriteMode.NO_OVERWRITE);
    Thread writer =
        new Thread(
            () -> {
              try {
                out.write(random(15, 400 * BLOCK)); // more than there is memory for
              } catch (IOException e) {
                // It is closed.
              }
            });
    writer.start();
    while (proxy.count("PUT", "comp=block&") == 0) {
      Thread.sleep(10);
    }
    out.close();
    writer.join();
    assertThat(proxy.count("PUT", "comp=blocklist")).isZero();
    assertThat(direct.exists(path("amidst"))).isFalse();
  }

  @Test
  void publishesNothingWhenItsThreadIsInterrupted() throws Exception {
    proxy.rule = request -> request.contains("comp=block&") ? Fault.held(1_500) : Fault.none();
    FSDataOutputStream out = files.create(path("interrupted"), WriteMode.NO_OVERWRITE);
    CompletableFuture<Boolean> marked = new CompletableFuture<>();
    Thread writer =
        new Thread(
            () -> {
              try {
                out.write(random(17, 3 * BLOCK));
                out.close();
                marked.completeExceptionally(new AssertionError("it is closed"));
              } catch (InterruptedIOException e) {
                marked.complete(Thread.currentThread().isInterrupted());
              } catch (IOException e) {
                marked.completeExceptionally(e);
              }
            });
    writer.start();
    while (proxy.count("PUT", "comp=block&") == 0) {
      Thread.sleep(10);
    }
    writer.interrupt();
    assertThat(marked.get()).isTrue();
    assertThat(proxy.count("PUT", "comp=blocklist")).isZero();
    assertThat(direct.exists(path("interrupted"))).isFalse();
  }

  @Test
  void copiesNoMoreFilesOnceTheRegistryIsClosed(@TempDir java.nio.file.Path disk) throws Exception {
    write(direct, path("copied"), random(18, 10));
    proxy.rule = request -> Fault.held(500);
    List<CopyRequest> requests = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      Path target = new Path(disk.resolve("copy-" + i).toUri());
      requests.add(CopyRequest.of(path("copied"), target, 10));
    }
    CloseableRegistry registry = new CloseableRegistry();
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    Thread copier =
        new Thread(
            () -> {
              try {
                ((PathsCopyingFileSystem) files).copyFiles(requests, registry);
                ended.completeExceptionally(new AssertionError("all are copied"));
              } catch (IOException e) {
                ended.complete(e);
              }
            });
    copier.start();
    while (proxy.count("GET", "copied") == 0) {
      Thread.sleep(10);
    }
    registry.close();
    assertThat(ended.get()).hasMessage("the copying of files was stopped");
    assertThat(proxy.count("GET", "copied")).isLessThan(100);
  }

  private static void closeQuietly(FSDataOutputStream out) {
    try {
      out.close();
    } catch (IOException e) {
      // Whichever way it ends, there must be no file.
    }
  }

  @Test
  void readsOnWhereAnAnswerBreaksOff() throws IOException {
    write(direct, path("broken"), random(9, 3 * BLOCK));
    proxy.first(1, "GET", "broken", Fault.cut());
    assertThat(read(files, path("broken"))).isEqualTo(random(9, 3 * BLOCK));
    assertThat(proxy.count("GET", "broken")).isEqualTo(4);
  }

  @Test
  void endsAReadThatWaitsWhenAnotherThreadClosesTheStream() throws Exception {
    write(direct, path("waiting"), random(16, 3 * BLOCK));
    FSDataInputStream in = files.open(path("waiting"));
    proxy.rule = request -> Fault.held(20_000);
    in.seek(2L * BLOCK);
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    Thread reader =
        new Thread(
            () -> {
              try {
                ended.completeExceptionally(new AssertionError("it has read " + in.read()));
              } catch (IOException e) {
                ended.complete(e);
              }
            });
    proxy.requests.clear();
    reader.start();
    while (proxy.requests.isEmpty()) {
      Thread.sleep(10);
    }
    long began = System.nanoTime();
    in.close();
    assertThat(ended.get()).hasMessageEndingWith("waiting is closed");
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(10));
  }

  @Test
  void doesNotMixTwoVersionsOfAFile() throws IOException {
    write(direct, path("replaced"), random(10, 3 * BLOCK));
    try (FSDataInputStream in = files.open(path("replaced"))) {
      try (FSDataOutputStream out = direct.create(path("replaced"), WriteMode.OVERWRITE)) {
        out.write(random(11, 3 * BLOCK));
      }
      assertThatThrownBy(in::readAllBytes)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("changed by somebody else");
    }
  }

  @Test
  void repeatsWhatIsNotAnsweredInTime() throws IOException {
    Configuration options = proxy.options();
    options.set(AzureBlobOptions.REQUEST_TIMEOUT, Duration.ofSeconds(1));
    FileSystem impatient = Cloud.local().fileSystem(options, Cloud.local().location());
    proxy.first(1, "PUT", "late", Fault.slow(20_000));
    write(impatient, path("late"), random(12, 10));
    assertThat(proxy.count("PUT", "late")).isGreaterThanOrEqualTo(2);
    assertThat(read(direct, path("late"))).isEqualTo(random(12, 10));
  }

  @Test
  void renamesWhereAnswersAreLost() throws IOException {
    write(direct, path("moved"), random(13, 10));
    proxy.first(1, "DELETE", "moved", Fault.lost());
    assertThat(files.rename(path("moved"), path("there"))).isTrue();
    assertThat(direct.exists(path("moved"))).isFalse();
    assertThat(read(direct, path("there"))).isEqualTo(random(13, 10));
  }
}
