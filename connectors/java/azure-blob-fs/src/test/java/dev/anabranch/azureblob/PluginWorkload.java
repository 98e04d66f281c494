package dev.anabranch.azureblob;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.ICloseableRegistry;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.PathsCopyingFileSystem.CopyRequest;

/** By the plugin, as Flink calls it. */
final class PluginWorkload implements BlobWorkload {
  private final BlobFileSystem files;
  private final Path base;
  private final java.nio.file.Path disk;
  private final BenchSizes sizes;
  private final byte[] chunk = new byte[64 * 1024];
  private final ExecutorService few;
  private final ExecutorService many;

  /**
   * For one directory.
   *
   * @param disk a folder with the files that are copied up, where others come down to
   */
  PluginWorkload(
      BlobFileSystem files, Path base, java.nio.file.Path disk, BenchSizes sizes, int parallelism) {
    this.files = files;
    this.base = base;
    this.disk = disk;
    this.sizes = sizes;
    this.few = Executors.newFixedThreadPool(parallelism);
    this.many = Executors.newFixedThreadPool(sizes.openFiles());
  }

  @Override
  public boolean does(BenchCase what) {
    return true;
  }

  @Override
  public void run(BenchCase what) throws Exception {
    switch (what) {
      case UPLOAD -> write("large", sizes.fileBytes());
      case DOWNLOAD -> read("large", sizes.fileBytes());
      case COPY_UP -> files.copyFiles(copies(true), ICloseableRegistry.NO_OP);
      case COPY_DOWN -> copyDown();
      case WRITE_SMALL ->
          BlobWorkload.each(few, sizes.smallFiles(), i -> write("small/" + i, sizes.smallBytes()));
      case READ_SMALL ->
          BlobWorkload.each(few, sizes.smallFiles(), i -> read("small/" + i, sizes.smallBytes()));
      case WRITE_OPEN ->
          BlobWorkload.each(many, sizes.openFiles(), i -> write("open/" + i, sizes.openBytes()));
      case READ_OPEN ->
          BlobWorkload.each(many, sizes.openFiles(), i -> read("open/" + i, sizes.openBytes()));
    }
  }

  private void write(String name, long bytes) throws IOException {
    try (FSDataOutputStream out = files.create(new Path(base, name), WriteMode.OVERWRITE)) {
      for (long left = bytes; left > 0; left -= chunk.length) {
        out.write(chunk, 0, (int) Math.min(left, chunk.length));
      }
    }
  }

  private void read(String name, long bytes) throws IOException {
    byte[] into = new byte[chunk.length];
    try (FSDataInputStream in = files.open(new Path(base, name))) {
      long at = 0;
      for (int got = in.read(into); got >= 0; got = in.read(into)) {
        BlobWorkload.check(
            into[0] == BlobAnswer.byteAt(at) && into[got - 1] == BlobAnswer.byteAt(at + got - 1),
            "other bytes than those at " + at + " of " + name);
        at += got;
      }
      BlobWorkload.check(at == bytes, name + " has " + at + " bytes");
    }
  }

  private void copyDown() throws IOException {
    files.copyFiles(copies(false), ICloseableRegistry.NO_OP);
    for (int i = 0; i < sizes.copies(); i++) {
      long length = Files.size(disk.resolve("down-" + i));
      BlobWorkload.check(length == sizes.copyBytes(), "a copy has " + length + " bytes");
    }
  }

  private List<CopyRequest> copies(boolean up) {
    List<CopyRequest> requests = new ArrayList<>();
    for (int i = 0; i < sizes.copies(); i++) {
      Path local = new Path(disk.resolve((up ? "up-" : "down-") + i).toUri());
      Path remote = new Path(base, "copies/" + i);
      requests.add(CopyRequest.of(up ? local : remote, up ? remote : local, sizes.copyBytes()));
    }
    return requests;
  }
}
