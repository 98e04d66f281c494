package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** That the benchmark's server answers as Blob Storage does where the plugin can tell. */
class DiscardServerTest {
  private static final int BLOCK = 256 * 1024;
  private static final Path BASE = new Path("abfss://state@discard.dfs.core.windows.net/base");
  private static DiscardServer server;
  private static FileSystem files;
  private static final Configuration OPTIONS = new Configuration();

  @BeforeAll
  static void start() throws Exception {
    Cloud cloud = Cloud.local();
    server = new DiscardServer(cloud.tls());
    OPTIONS.setString(
        "fs.azure.blob.endpoint.discard", "https://127.0.0.1:" + server.listen(0) + "/anabranch");
    OPTIONS.set(AzureBlobOptions.BLOCK_SIZE, new MemorySize(BLOCK));
    files = cloud.fileSystem(OPTIONS, BASE.toString());
  }

  @AfterAll
  static void stop() throws IOException {
    server.close();
  }

  @Test
  void knowsNamesAndLengths() throws IOException {
    write(files, new Path(BASE, "tree/small"), random(1, 10));
    write(files, new Path(BASE, "tree/deep & <odd>/large"), random(2, 3 * BLOCK + 1));
    assertThat(files.getFileStatus(new Path(BASE, "tree/small")).getLen()).isEqualTo(10);
    assertThat(files.exists(new Path(BASE, "tree/sm"))).isFalse();
    FileStatus[] found = files.listStatus(new Path(BASE, "tree"));
    assertThat(Arrays.stream(found).map(each -> each.getPath().getName() + each.isDir()))
        .containsExactlyInAnyOrder("smallfalse", "deep & <odd>true");
    FileStatus large = files.listStatus(new Path(BASE, "tree/deep & <odd>"))[0];
    assertThat(large.getLen()).isEqualTo(3 * BLOCK + 1);
    assertThat(files.rename(large.getPath(), new Path(BASE, "tree/moved"))).isTrue();
    assertThat(files.delete(new Path(BASE, "tree"), true)).isTrue();
    assertThat(files.listStatus(BASE)).isEmpty();
  }

  @Test
  void heedsConditions() throws IOException {
    Path path = new Path(BASE, "once");
    write(files, path, random(1, 2 * BLOCK));
    assertThatThrownBy(() -> write(files, path, random(2, 10)))
        .isInstanceOf(FileAlreadyExistsException.class);
    try (FSDataInputStream in = files.open(path)) {
      try (var out = files.create(path, WriteMode.OVERWRITE)) {
        out.write(1);
      }
      in.seek(BLOCK + 1);
      assertThatThrownBy(in::read).isInstanceOf(IOException.class);
    }
    files.delete(path, false);
  }

  @Test
  void makesUpTheBytesOfEachPlace() throws IOException {
    Path path = new Path(BASE, "bytes");
    int length = 2 * BLOCK + 4711;
    write(files, path, random(1, length));
    byte[] expected = new byte[length];
    for (int i = 0; i < length; i++) {
      expected[i] = BlobAnswer.byteAt(i);
    }
    assertThat(Contents.read(files, path)).isEqualTo(expected);
    files.delete(path, false);
  }

  @Test
  void isAskedOnceForAFileOfTwoBlocks() throws IOException {
    server.takeCounts();
    Path path = new Path(BASE, "block");
    write(files, path, random(1, 2 * BLOCK));
    assertThat(server.takeCounts()).containsEntry("PUT blob", 1L).containsEntry("requests", 1L);
    files.delete(path, false);
  }

  @Test
  void isAskedForFewBytesTwiceByMoreReadersThanThereIsMemoryFor() throws IOException {
    Configuration little = new Configuration();
    little.set(AzureBlobOptions.MEMORY, new MemorySize(2 * BLOCK));
    little.addAll(OPTIONS);
    FileSystem readers = Cloud.local().fileSystem(little, BASE.toString());
    int count = 8;
    List<FSDataInputStream> open = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      write(files, new Path(BASE, "readers/" + i), random(i, 2 * BLOCK));
    }
    server.takeCounts();
    for (int i = 0; i < count; i++) {
      open.add(readers.open(new Path(BASE, "readers/" + i)));
    }
    for (int read = 0; read < 2 * BLOCK; read += 16_384) {
      for (FSDataInputStream each : open) {
        assertThat(each.readNBytes(16_384)).hasSize(16_384);
      }
    }
    for (FSDataInputStream each : open) {
      each.close();
    }
    assertThat(server.takeCounts().get("bytes-out")).isLessThan(3L * count * BLOCK);
    files.delete(new Path(BASE, "readers"), true);
  }

  @Test
  void countsWhatItIsAsked() throws IOException {
    server.takeCounts();
    Path path = new Path(BASE, "counted");
    write(files, path, random(1, 2 * BLOCK + 1));
    Contents.read(files, path);
    assertThat(server.takeCounts())
        .containsEntry("PUT block", 2L)
        .containsEntry("PUT blocklist", 1L)
        .containsEntry("GET blob", 3L)
        .containsEntry("bytes-out", 2L * BLOCK + 1)
        .doesNotContainKeys("refused", "without-token");
    files.delete(path, false);
  }
}
