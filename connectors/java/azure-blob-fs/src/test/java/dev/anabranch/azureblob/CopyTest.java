package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.read;
import static dev.anabranch.azureblob.Contents.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.flink.core.fs.CloseableRegistry;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.ICloseableRegistry;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.PathsCopyingFileSystem;
import org.apache.flink.core.fs.PathsCopyingFileSystem.CopyRequest;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole files between the local disk and the container, as RocksDB's restore asks for them. */
class CopyTest {
  private static final int[] SIZES = {0, 1, 1000, 4 << 20, (4 << 20) + 1, 13_000_000};
  private static final Path BASE = new Path(Cloud.get().location(), "copies-" + UUID.randomUUID());
  private static FileSystem files;
  private static PathsCopyingFileSystem copying;

  @TempDir java.nio.file.Path disk;

  @BeforeAll
  static void open() throws IOException {
    files = Cloud.get().fileSystem();
    copying = (PathsCopyingFileSystem) files;
  }

  private static Path path(String name) {
    return new Path(BASE, name);
  }

  @Test
  void copiesUpDownAndWithin() throws IOException {
    List<CopyRequest> up = new ArrayList<>();
    List<CopyRequest> within = new ArrayList<>();
    List<CopyRequest> down = new ArrayList<>();
    for (int size : SIZES) {
      java.nio.file.Path file = Files.write(disk.resolve("up-" + size), random(size, size));
      up.add(CopyRequest.of(new Path(file.toUri()), path("up/" + size), size));
      within.add(CopyRequest.of(path("up/" + size), path("within/" + size), size));
      Path back = new Path(disk.resolve("deep/down-" + size).toUri());
      down.add(CopyRequest.of(path("within/" + size), back, size));
    }
    copying.copyFiles(up, ICloseableRegistry.NO_OP);
    copying.copyFiles(within, ICloseableRegistry.NO_OP);
    copying.copyFiles(down, ICloseableRegistry.NO_OP);
    for (int size : SIZES) {
      assertThat(read(files, path("up/" + size))).isEqualTo(random(size, size));
      assertThat(disk.resolve("deep/down-" + size)).hasBinaryContent(random(size, size));
    }
  }

  @Test
  void tellsWhichFileIsMissing() {
    CopyRequest request = CopyRequest.of(path("absent"), new Path(disk.resolve("x").toUri()), 10);
    assertThatThrownBy(() -> copying.copyFiles(List.of(request), ICloseableRegistry.NO_OP))
        .isInstanceOf(FileNotFoundException.class)
        .hasMessage(path("absent") + " does not exist");
  }

  @Test
  void doesNothingOnceTheRegistryIsClosed() throws IOException {
    write(files, path("unwanted"), random(1, 10));
    CloseableRegistry registry = new CloseableRegistry();
    registry.close();
    Path target = new Path(disk.resolve("unwanted").toUri());
    assertThatThrownBy(
            () ->
                copying.copyFiles(List.of(CopyRequest.of(path("unwanted"), target, 10)), registry))
        .isInstanceOf(IOException.class);
    assertThat(disk.resolve("unwanted")).doesNotExist();
  }

  @Test
  void saysWhatItCanCopy() throws IOException {
    Path local = new Path("file:///tmp/x");
    Path other = new Path("abfss://other@elsewhere.dfs.core.windows.net/x");
    assertThat(copying.canCopyPaths(local, path("a"))).isTrue();
    assertThat(copying.canCopyPaths(path("a"), local)).isTrue();
    assertThat(copying.canCopyPaths(path("a"), path("b"))).isTrue();
    assertThat(copying.canCopyPaths(path("a"), other)).isFalse();
    assertThat(copying.canCopyPaths(other, local)).isFalse();
    assertThat(copying.canCopyPaths(local, local)).isFalse();
  }
}
