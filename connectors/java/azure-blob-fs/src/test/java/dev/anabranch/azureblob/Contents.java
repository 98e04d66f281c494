package dev.anabranch.azureblob;

import java.io.IOException;
import java.util.Random;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;

/** Bytes of files: made, written and read. */
final class Contents {
  private Contents() {}

  /** Bytes that are the same for the same seed, and look like no others. */
  static byte[] random(int seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  static void write(FileSystem files, Path path, byte[] bytes) throws IOException {
    try (FSDataOutputStream out = files.create(path, WriteMode.NO_OVERWRITE)) {
      out.write(bytes);
    }
  }

  static byte[] read(FileSystem files, Path path) throws IOException {
    try (FSDataInputStream in = files.open(path)) {
      return in.readAllBytes();
    }
  }
}
