package dev.anabranch.azureblob;

import java.util.UUID;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystemBehaviorTestSuite;
import org.apache.flink.core.fs.FileSystemKind;
import org.apache.flink.core.fs.Path;
import org.junit.jupiter.api.BeforeAll;

/** The suite of Flink's own that each file system has to pass. */
class FlinkContractTest extends FileSystemBehaviorTestSuite {
  private static FileSystem files;
  private static final Path BASE = new Path(Cloud.get().location(), "flink-" + UUID.randomUUID());

  @BeforeAll
  static void open() throws Exception {
    files = Cloud.get().fileSystem();
  }

  @Override
  protected FileSystem getFileSystem() {
    return files;
  }

  @Override
  protected Path getBasePath() {
    return BASE;
  }

  @Override
  protected FileSystemKind getFileSystemKind() {
    return FileSystemKind.OBJECT_STORE;
  }
}
