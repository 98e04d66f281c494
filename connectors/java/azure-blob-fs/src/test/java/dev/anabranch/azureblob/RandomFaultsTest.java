package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.read;
import static dev.anabranch.azureblob.Contents.write;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.azureblob.FaultProxy.Fault;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream.Committer;
import org.apache.flink.core.fs.RecoverableWriter;
import org.apache.flink.core.fs.RecoverableWriter.ResumeRecoverable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Many files at once over a way on which one request in eight is lost, reset, refused or answered
 * to nobody. Each call must do what it says, without the caller's help.
 */
@Timeout(110)
class RandomFaultsTest {
  private static final int BLOCK = 256 * 1024;
  private static final int THREADS = 4;
  private static final int FILES_PER_THREAD = 2;

  private final Cloud cloud = Cloud.local();
  private final Path base = new Path(cloud.location(), "random-" + UUID.randomUUID());
  private final AtomicInteger faults = new AtomicInteger();
  private final Random chance = new Random(20_261_130);

  private synchronized Fault any(String request) {
    int drawn = chance.nextInt(32);
    if (drawn > 3) {
      return Fault.none();
    }
    faults.incrementAndGet();
    return switch (drawn) {
      case 0 -> Fault.lost();
      case 1 -> Fault.reset();
      case 2 -> Fault.answered(503, "Retry-After", "0");
      default -> Fault.answered(500);
    };
  }

  @Test
  void doesWhatItSays() throws Exception {
    FileSystem direct = cloud.fileSystem();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try (FaultProxy proxy = new FaultProxy(cloud)) {
      proxy.rule = this::any;
      Configuration options = proxy.options();
      options.set(AzureBlobOptions.BLOCK_SIZE, new MemorySize(BLOCK));
      options.set(AzureBlobOptions.MEMORY, new MemorySize(6 * BLOCK));
      FileSystem files = cloud.fileSystem(options, cloud.location());
      List<Future<Void>> done = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        Random sizes = new Random(i);
        Path folder = new Path(base, "thread-" + i);
        Callable<Void> work =
            () -> {
              for (int file = 0; file < FILES_PER_THREAD; file++) {
                byte[] bytes = random(file, sizes.nextInt(4 * BLOCK));
                plain(files, direct, new Path(folder, "plain-" + file), bytes);
                recoverable(files, direct, new Path(folder, "recoverable-" + file), bytes);
              }
              assertThat(files.listStatus(folder)).hasSize(FILES_PER_THREAD);
              return null;
            };
        done.add(threads.submit(work));
      }
      for (Future<Void> each : done) {
        each.get();
      }
      assertThat(files.delete(base, true)).isTrue();
    } finally {
      threads.shutdownNow();
    }
    assertThat(direct.listStatus(base)).isEmpty();
    assertThat(faults.get()).isGreaterThan(10);
  }

  private static void plain(FileSystem files, FileSystem direct, Path path, byte[] bytes)
      throws IOException {
    write(files, path, bytes);
    assertThat(read(files, path)).isEqualTo(bytes);
    Path moved = path.suffix("-moved");
    assertThat(files.rename(path, moved)).isTrue();
    assertThat(direct.exists(path)).isFalse();
    assertThat(read(direct, moved)).isEqualTo(bytes);
    files.delete(moved, false);
    assertThat(direct.exists(moved)).isFalse();
  }

  private static void recoverable(FileSystem files, FileSystem direct, Path path, byte[] bytes)
      throws IOException {
    RecoverableWriter writer = files.createRecoverableWriter();
    int half = bytes.length / 2;
    ResumeRecoverable state;
    try (RecoverableFsDataOutputStream out = writer.open(path)) {
      out.write(bytes, 0, half);
      state = out.persist();
      out.write(bytes, 0, half); // to be forgotten
      out.persist();
    }
    Committer committer;
    try (RecoverableFsDataOutputStream out = writer.recover(state)) {
      out.write(bytes, half, bytes.length - half);
      committer = out.closeForCommit();
    }
    committer.commit();
    writer.recoverForCommit(committer.getRecoverable()).commitAfterRecovery();
    assertThat(read(direct, path)).isEqualTo(bytes);
  }
}
