package dev.anabranch.azureblob;

import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.Path;

/**
 * What is known of one blob, or of a directory, which is no more than a prefix of names.
 *
 * @param length bytes; 0 of a directory
 * @param modified milliseconds since 1970; 0 of a directory
 */
record BlobStatus(Path path, boolean directory, long length, long modified, long blockBytes)
    implements FileStatus {

  static BlobStatus directory(Path path) {
    return new BlobStatus(path, true, 0, 0, 0);
  }

  @Override
  public long getLen() {
    return length;
  }

  @Override
  public long getBlockSize() {
    return blockBytes;
  }

  @Override
  public short getReplication() {
    return 1;
  }

  @Override
  public long getModificationTime() {
    return modified;
  }

  @Override
  public long getAccessTime() {
    return 0;
  }

  @Override
  public boolean isDir() {
    return directory;
  }

  @Override
  public Path getPath() {
    return path;
  }
}
