package dev.anabranch.topology;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.jspecify.annotations.Nullable;

/** A path, or any URI that Flink's file systems know. */
final class FileDocumentSource implements DocumentSource {
  /**
   * Editors write in place within milliseconds. A local file that changed just now is read again
   * after this time until two reads agree: half a file may well be valid YAML.
   */
  private static final long SETTLE_MS = 50;

  private static final int SETTLE_ROUNDS = 20;

  private final Path path;

  FileDocumentSource(String location) {
    // Flink takes a bare path for one on its default file system; so do we, but made absolute.
    Path given = new Path(location);
    boolean bare = given.toUri().getScheme() == null && !given.isAbsolute();
    this.path = bare ? new Path(java.nio.file.Path.of(location).toAbsolutePath().toUri()) : given;
  }

  @Override
  public Document read(@Nullable Document known) throws IOException {
    FileSystem fileSystem = path.getFileSystem();
    byte[] content = content(fileSystem);
    for (int round = 0; round < SETTLE_ROUNDS && !isSettled(fileSystem); round++) {
      sleep();
      byte[] again = content(fileSystem);
      boolean same = Arrays.equals(content, again);
      content = again;
      if (same) {
        break;
      }
    }
    String text = new String(content, StandardCharsets.UTF_8);
    return known != null && known.text().equals(text) ? known : new Document(text, "");
  }

  private boolean isSettled(FileSystem fileSystem) throws IOException {
    if (fileSystem.isDistributedFS()) {
      // Object stores show whole objects only.
      return true;
    }
    long changed = fileSystem.getFileStatus(path).getModificationTime();
    return Math.abs(System.currentTimeMillis() - changed) > SETTLE_MS;
  }

  private byte[] content(FileSystem fileSystem) throws IOException {
    try (InputStream in = fileSystem.open(path)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new IOException("the file has more than " + MAX_BYTES + " bytes");
      }
      return bytes;
    }
  }

  private static void sleep() throws IOException {
    try {
      Thread.sleep(SETTLE_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public String where() {
    return key();
  }

  @Override
  public String key() {
    // A local path is named alike however it is written: the Python side caches under the same
    // name.
    String scheme = path.toUri().getScheme();
    return scheme == null || scheme.equals("file") ? path.getPath() : path.toString();
  }
}
