package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.read;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Large files and many files, with a budget of four blocks for all of them. In the test's own class
 * loader, where the budget can be seen.
 */
@Timeout(120)
class MemoryTest {
  private static final int BLOCK = 256 * 1024;
  private static final long BUDGET = 4 * BLOCK;
  private static Path base;
  private static BlobFileSystem files;
  private static MemoryBudget budget;

  @BeforeAll
  static void open() throws IOException {
    Configuration options = Cloud.get().options();
    options.set(AzureBlobOptions.BLOCK_SIZE, new MemorySize(BLOCK));
    options.set(AzureBlobOptions.MEMORY, new MemorySize(BUDGET));
    base = new Path(Cloud.get().location(), "memory-" + UUID.randomUUID());
    Settings settings = Settings.from(options);
    ContainerUri container = ContainerUri.of(base.toUri());
    BlobResources resources = BlobResources.of(settings);
    budget = resources.budget;
    files = new BlobFileSystem(container, settings, resources, resources.container(container));
  }

  private static Path path(String name) {
    return new Path(base, name);
  }

  /** And all is given back, also what requests held that nobody waited for. */
  private static void assertWithinBudget() throws InterruptedException {
    for (int tries = 0; budget.used() > 0 && tries < 500; tries++) {
      Thread.sleep(10);
    }
    assertThat(budget.used()).isZero();
    assertThat(budget.peak()).isLessThanOrEqualTo(BUDGET);
  }

  @Test
  void writesAndReadsAFileOfManyBlocks() throws Exception {
    byte[] bytes = random(1, 41 * BLOCK + 13);
    try (FSDataOutputStream out = files.create(path("large"), WriteMode.NO_OVERWRITE)) {
      for (int at = 0; at < bytes.length; at += 10_007) {
        out.write(bytes, at, Math.min(10_007, bytes.length - at));
      }
      assertThat(out.getPos()).isEqualTo(bytes.length);
    }
    assertThat(read(files, path("large"))).isEqualTo(bytes);
    assertWithinBudget();
  }

  @Test
  void oneThreadWritesAndReadsMoreFilesThanTheBudgetHasBlocks() throws Exception {
    int count = 40;
    List<FSDataOutputStream> out = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      out.add(files.create(path("many/" + i), WriteMode.NO_OVERWRITE));
    }
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < count; i++) {
        out.get(i).write(random(100 * round + i, 60_000));
      }
    }
    for (FSDataOutputStream each : out) {
      each.close();
    }
    List<FSDataInputStream> in = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      in.add(files.open(path("many/" + i)));
    }
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < count; i++) {
        assertThat(in.get(i).readNBytes(60_000)).isEqualTo(random(100 * round + i, 60_000));
      }
    }
    for (FSDataInputStream each : in) {
      each.close();
    }
    assertWithinBudget();
  }

  @Test
  void manyThreadsWriteAndReadAtOnce() throws Exception {
    int count = 12;
    ExecutorService threads = Executors.newFixedThreadPool(count);
    try {
      List<Future<Void>> done = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        byte[] bytes = random(i, 3 * BLOCK + i);
        Path path = path("parallel/" + i);
        Callable<Void> work =
            () -> {
              try (FSDataOutputStream out = files.create(path, WriteMode.NO_OVERWRITE)) {
                out.write(bytes);
              }
              assertThat(read(files, path)).isEqualTo(bytes);
              return null;
            };
        done.add(threads.submit(work));
      }
      for (Future<Void> each : done) {
        each.get();
      }
    } finally {
      threads.shutdownNow();
    }
    assertWithinBudget();
  }

  @Test
  void givesAllBackWhenAStreamIsClosedInTheMidstOfAWrite() throws Exception {
    FSDataOutputStream out = files.create(path("amidst"), WriteMode.NO_OVERWRITE);
    Thread writer =
        new Thread(
            () -> {
              try {
                out.write(random(1, 100 * BLOCK));
              } catch (IOException e) {
                // It is closed.
              }
            });
    writer.start();
    while (budget.used() < BUDGET) {
      Thread.sleep(1);
    }
    out.close();
    writer.join();
    assertThat(files.exists(path("amidst"))).isFalse();
    assertWithinBudget();
  }

  @Test
  void givesAllBackWhenAStreamIsClosedWhileItReadsAhead() throws Exception {
    try (FSDataOutputStream out = files.create(path("ahead"), WriteMode.NO_OVERWRITE)) {
      out.write(random(2, 4 * BLOCK));
    }
    FSDataInputStream in = files.open(path("ahead"));
    assertThat(in.read()).isEqualTo(random(2, 1)[0] & 0xff);
    assertThat(budget.used()).isGreaterThan(BLOCK);
    in.close();
    assertWithinBudget();
  }

  @Test
  void readsNothingAheadAfterAJump() throws Exception {
    try (FSDataOutputStream out = files.create(path("jump"), WriteMode.NO_OVERWRITE)) {
      out.write(random(3, 4 * BLOCK));
    }
    try (FSDataInputStream in = files.open(path("jump"))) {
      in.seek(BLOCK + 1);
      in.read();
      assertThat(budget.used()).isEqualTo(BLOCK);
    }
    assertWithinBudget();
  }

  @Test
  void refusesMoreBlocksThanTheServiceTakes() throws Exception {
    BlobRecoverable full =
        new BlobRecoverable("full", List.of(new BlockIds(UUID.randomUUID(), BlockIds.MOST)), 1);
    try (RecoverableFsDataOutputStream out = files.createRecoverableWriter().recover(full)) {
      out.write(1);
      assertThatThrownBy(out::persist)
          .hasMessage(
              "full would have more than 50000 blocks: set fs.azure.blob.block-size higher, or let"
                  + " files roll earlier");
    }
    assertWithinBudget();
  }

  @Test
  void takesNoBudgetThatCannotWork() {
    Configuration options = new Configuration();
    options.set(AzureBlobOptions.MEMORY, MemorySize.ofMebiBytes(7));
    assertThatThrownBy(() -> Settings.from(options))
        .isInstanceOf(IllegalConfigurationException.class)
        .hasMessage("fs.azure.blob.memory must be at least twice fs.azure.blob.block-size");
  }
}
