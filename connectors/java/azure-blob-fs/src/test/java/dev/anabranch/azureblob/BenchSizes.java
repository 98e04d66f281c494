package dev.anabranch.azureblob;

/**
 * How much {@link BlobBench} moves.
 *
 * @param fileBytes of the one large file
 * @param copies how many files are copied, from disk and to disk
 * @param copyBytes of each of them; not a multiple of a block, as RocksDB's are not
 * @param smallFiles how many small files there are
 * @param openFiles how many files are open at once
 * @param openBytes of each of them
 */
record BenchSizes(
    long fileBytes,
    int copies,
    long copyBytes,
    int smallFiles,
    int smallBytes,
    int openFiles,
    long openBytes) {
  private static final int MIB = 1 << 20;

  /** In proportion to the large file's size. */
  static BenchSizes of(int mebibytes) {
    return new BenchSizes(
        (long) mebibytes * MIB,
        8,
        (long) mebibytes * MIB / 8 + 4711,
        100,
        8 * 1024,
        24,
        (long) mebibytes * MIB / 8 + 4711);
  }
}
