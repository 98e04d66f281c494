package dev.anabranch.azureblob;

import static dev.anabranch.azureblob.Contents.random;
import static dev.anabranch.azureblob.Contents.read;
import static dev.anabranch.azureblob.Contents.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.Arrays;
import java.util.UUID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What Flink needs of files and directories, through the plugin loader. */
class ContractTest {
  private static final Path BASE = new Path(Cloud.get().location(), "files-" + UUID.randomUUID());
  private static FileSystem files;

  @BeforeAll
  static void open() throws IOException {
    files = Cloud.get().fileSystem();
  }

  @AfterAll
  static void clear() throws IOException {
    assertThat(files.delete(BASE, true)).isTrue();
    assertThat(files.exists(BASE)).isFalse();
  }

  private static Path path(String name) {
    return new Path(BASE, name);
  }

  @Test
  void readsWhatWasWritten() throws IOException {
    Path path = path("small");
    write(files, path, random(1, 1000));
    assertThat(read(files, path)).isEqualTo(random(1, 1000));
    FileStatus status = files.getFileStatus(path);
    assertThat(status.getLen()).isEqualTo(1000);
    assertThat(status.isDir()).isFalse();
    assertThat(status.getPath()).isEqualTo(path);
    assertThat(System.currentTimeMillis() - status.getModificationTime()).isLessThan(600_000);
    assertThat(files.getFileBlockLocations(status, 0, 1000)).hasSize(1);
  }

  @Test
  void readsAnEmptyFile() throws IOException {
    Path path = path("empty");
    write(files, path, new byte[0]);
    assertThat(files.getFileStatus(path).getLen()).isZero();
    assertThat(read(files, path)).isEmpty();
  }

  @Test
  void isInvisibleUntilItIsClosed() throws IOException {
    Path path = path("open");
    try (FSDataOutputStream out = files.create(path, WriteMode.NO_OVERWRITE)) {
      out.write(random(2, 100));
      out.flush();
      out.sync();
      assertThat(out.getPos()).isEqualTo(100);
      assertThat(files.exists(path)).isFalse();
    }
    assertThat(files.exists(path)).isTrue();
  }

  @Test
  void replacesAFileOnlyWhereItIsAskedTo() throws IOException {
    Path path = path("twice");
    write(files, path, random(3, 10));
    assertThatThrownBy(() -> write(files, path, random(4, 10)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("exists already");
    assertThat(read(files, path)).isEqualTo(random(3, 10));
    try (FSDataOutputStream out = files.create(path, WriteMode.OVERWRITE)) {
      out.write(random(5, 20));
    }
    assertThat(read(files, path)).isEqualTo(random(5, 20));
  }

  @Test
  void seeksAnywhere() throws IOException {
    Path path = path("seek");
    byte[] bytes = random(6, 9_000_000); // more than two ranges
    write(files, path, bytes);
    try (FSDataInputStream in = files.open(path)) {
      for (int at : new int[] {0, 8_999_999, 4_194_303, 4_194_304, 17, 5_000_000}) {
        in.seek(at);
        assertThat(in.getPos()).isEqualTo(at);
        assertThat(in.read()).isEqualTo(bytes[at] & 0xff);
        assertThat(in.getPos()).isEqualTo(at + 1L);
      }
      in.seek(4_000_000);
      assertThat(in.readNBytes(1_000_000))
          .isEqualTo(Arrays.copyOfRange(bytes, 4_000_000, 5_000_000));
      assertThat(in.skip(100)).isEqualTo(100);
      assertThat(in.getPos()).isEqualTo(5_000_100);
      in.seek(bytes.length);
      assertThat(in.read()).isEqualTo(-1);
    }
  }

  @Test
  void tellsOfAFileThatIsNotThere() {
    Path path = path("absent");
    assertThatThrownBy(() -> files.open(path))
        .isInstanceOf(FileNotFoundException.class)
        .hasMessage(path + " does not exist");
    assertThatThrownBy(() -> files.getFileStatus(path)).isInstanceOf(FileNotFoundException.class);
  }

  @Test
  void listsADirectory() throws IOException {
    write(files, path("list/a"), random(7, 3));
    write(files, path("list/b/c"), random(8, 4));
    write(files, path("list/b/d"), random(9, 5));
    write(files, path("list-not"), random(9, 5));
    assertThat(files.listStatus(path("list")))
        .extracting(FileStatus::getPath, FileStatus::isDir, FileStatus::getLen)
        .containsExactlyInAnyOrder(
            tuple(path("list/a"), false, 3L), tuple(path("list/b"), true, 0L));
    assertThat(files.listStatus(path("list/a")))
        .extracting(FileStatus::getPath)
        .containsExactly(path("list/a"));
    assertThat(files.getFileStatus(path("list/b")).isDir()).isTrue();
  }

  @Test
  void findsNothingInADirectoryThatIsNotThere() throws IOException {
    assertThat(files.mkdirs(path("made"))).isTrue();
    assertThat(files.listStatus(path("made"))).isEmpty();
    assertThat(files.listStatus(path("never-made"))).isEmpty();
    assertThat(files.delete(path("made"), false)).isFalse();
    assertThat(files.delete(path("made"), true)).isFalse();
  }

  @Test
  void deletesADirectoryWithSomethingInItOnlyRecursively() throws IOException {
    for (int i = 0; i < 25; i++) {
      write(files, path("tree/" + i % 5 + "/" + i), random(i, 10));
    }
    assertThatThrownBy(() -> files.delete(path("tree"), false))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("there is something in it");
    assertThat(files.delete(path("tree/1/1"), false)).isTrue();
    assertThat(files.delete(path("tree/1/1"), false)).isFalse();
    assertThat(files.delete(path("tree"), true)).isTrue();
    assertThat(files.exists(path("tree"))).isFalse();
  }

  @Test
  void renamesAFileAndADirectory() throws IOException {
    write(files, path("from/a"), random(1, 10));
    write(files, path("from/b/c"), random(2, 10));
    assertThat(files.rename(path("from/a"), path("from/z"))).isTrue();
    assertThat(files.rename(path("from"), path("to"))).isTrue();
    assertThat(files.exists(path("from"))).isFalse();
    assertThat(read(files, path("to/z"))).isEqualTo(random(1, 10));
    assertThat(read(files, path("to/b/c"))).isEqualTo(random(2, 10));
    assertThat(files.rename(path("to/z"), path("to/b/c"))).isFalse();
    assertThat(read(files, path("to/b/c"))).isEqualTo(random(2, 10));
    assertThat(files.rename(path("absent"), path("anything"))).isFalse();
    assertThat(files.rename(path("to"), path("to/b"))).isFalse();
  }

  @Test
  void isTheSameUnderEachScheme() throws IOException {
    write(files, path("scheme"), random(1, 10));
    String abfs = BASE.toString().replaceFirst("^abfss:", "abfs:");
    String wasbs =
        BASE.toString().replaceFirst("^abfss:", "wasbs:").replaceFirst("\\.dfs\\.", ".blob.");
    for (String location : new String[] {abfs, wasbs}) {
      FileSystem other = Cloud.get().fileSystem(new Configuration(), location);
      Path path = new Path(location, "scheme");
      assertThat(read(other, path)).isEqualTo(random(1, 10));
      assertThat(other.listStatus(path)).extracting(FileStatus::getPath).containsExactly(path);
    }
  }

  @Test
  void takesAnyName() throws IOException {
    for (String name : new String[] {"a b", "50%", "%41", "a+b", "größe", "x=1", "a:b", "q?&#"}) {
      Path path = path("names/" + name);
      write(files, path, random(name.hashCode(), 5));
      assertThat(read(files, path)).as(name).isEqualTo(random(name.hashCode(), 5));
      assertThat(files.listStatus(path("names")))
          .extracting(status -> status.getPath().getName())
          .contains(name);
      assertThat(files.delete(path, false)).as(name).isTrue();
    }
  }
}
