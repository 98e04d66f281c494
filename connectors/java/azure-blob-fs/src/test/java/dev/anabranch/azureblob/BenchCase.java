package dev.anabranch.azureblob;

/** What {@link BlobBench} measures; each reads what the one before it has written. */
enum BenchCase {
  /** One file, written by one thread. */
  UPLOAD,
  /** One file, read from begin to end by one thread. */
  DOWNLOAD,
  /** Files from the local disk. */
  COPY_UP,
  /** Files to the local disk: what a restore of RocksDB does. */
  COPY_DOWN,
  /** Small files, a thread for each request in flight. */
  WRITE_SMALL,
  READ_SMALL,
  /** More files open at once than the budget has blocks, a thread each. */
  WRITE_OPEN,
  READ_OPEN;

  /** How many bytes it moves. */
  long bytes(BenchSizes sizes) {
    return switch (this) {
      case UPLOAD, DOWNLOAD -> sizes.fileBytes();
      case COPY_UP, COPY_DOWN -> sizes.copies() * sizes.copyBytes();
      case WRITE_SMALL, READ_SMALL -> (long) sizes.smallFiles() * sizes.smallBytes();
      case WRITE_OPEN, READ_OPEN -> sizes.openFiles() * sizes.openBytes();
    };
  }

  /** How many files. */
  int files(BenchSizes sizes) {
    return switch (this) {
      case UPLOAD, DOWNLOAD -> 1;
      case COPY_UP, COPY_DOWN -> sizes.copies();
      case WRITE_SMALL, READ_SMALL -> sizes.smallFiles();
      case WRITE_OPEN, READ_OPEN -> sizes.openFiles();
    };
  }
}
