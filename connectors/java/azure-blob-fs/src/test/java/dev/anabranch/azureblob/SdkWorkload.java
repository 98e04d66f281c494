package dev.anabranch.azureblob;

import com.azure.core.util.BinaryData;
import com.azure.core.util.Context;
import com.azure.storage.blob.BlobContainerClient;
import com.azure.storage.blob.models.BlobRange;
import com.azure.storage.blob.options.BlockBlobCommitBlockListOptions;
import com.azure.storage.blob.options.BlockBlobSimpleUploadOptions;
import com.azure.storage.blob.options.BlockBlobStageBlockOptions;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/**
 * By the SDK alone, over the plugin's connections: what one would write who knows how long files
 * are, wants whole blocks, and need not watch memory beyond the number of blocks of one file.
 */
final class SdkWorkload implements BlobWorkload {
  private final BlobContainerClient container;
  private final String base;
  private final Path disk;
  private final BenchSizes sizes;
  private final int blockBytes;
  private final int blocksAtOnce;
  private final byte[] chunk = new byte[64 * 1024];
  private final ExecutorService requests;
  private final ExecutorService files;

  SdkWorkload(
      BlobContainerClient container,
      String base,
      Path disk,
      BenchSizes sizes,
      Settings settings,
      int parallelism) {
    this.container = container;
    this.base = base;
    this.disk = disk;
    this.sizes = sizes;
    this.blockBytes = settings.blockBytes();
    this.blocksAtOnce = (int) (settings.memoryBytes() / settings.blockBytes());
    this.requests = Executors.newFixedThreadPool(parallelism);
    this.files = Executors.newFixedThreadPool(Math.max(sizes.copies(), sizes.openFiles()));
  }

  /** The bytes of a block, filled by whoever has them. */
  private interface Source {
    void fill(byte[] block, long begin) throws IOException;
  }

  /** Takes a block. */
  private interface Sink {
    void take(byte[] block, long begin) throws IOException;
  }

  @Override
  public boolean does(BenchCase what) {
    return true;
  }

  @Override
  public void run(BenchCase what) throws Exception {
    switch (what) {
      case UPLOAD -> upload("large", sizes.fileBytes(), this::fill);
      case DOWNLOAD -> download("large", sizes.fileBytes(), (block, begin) -> {});
      case COPY_UP -> BlobWorkload.each(files, sizes.copies(), this::copyUp);
      case COPY_DOWN -> BlobWorkload.each(files, sizes.copies(), this::copyDown);
      case WRITE_SMALL -> BlobWorkload.each(requests, sizes.smallFiles(), this::writeSmall);
      case READ_SMALL ->
          BlobWorkload.each(
              requests, sizes.smallFiles(), i -> range(blob("small/" + i), 0, sizes.smallBytes()));
      case WRITE_OPEN ->
          BlobWorkload.each(
              files, sizes.openFiles(), i -> upload("open/" + i, sizes.openBytes(), this::fill));
      case READ_OPEN ->
          BlobWorkload.each(
              files,
              sizes.openFiles(),
              i -> download("open/" + i, sizes.openBytes(), (block, begin) -> {}));
    }
  }

  private BlockBlobClient blob(String name) {
    return container.getBlobClient(base + "/" + name).getBlockBlobClient();
  }

  /** As from a caller that writes by chunks. */
  private void fill(byte[] block, long begin) {
    for (int at = 0; at < block.length; at += chunk.length) {
      System.arraycopy(chunk, 0, block, at, Math.min(chunk.length, block.length - at));
    }
  }

  private void upload(String name, long bytes, Source source) throws Exception {
    BlockBlobClient blob = blob(name);
    if (bytes <= blockBytes) {
      byte[] block = new byte[(int) bytes];
      source.fill(block, 0);
      put(blob, block);
      return;
    }
    Semaphore memory = new Semaphore(blocksAtOnce);
    List<Future<?>> running = new ArrayList<>();
    BlockIds ids = BlockIds.none();
    for (long at = 0; at < bytes; at += blockBytes) {
      memory.acquire();
      byte[] block = new byte[(int) Math.min(blockBytes, bytes - at)];
      source.fill(block, at);
      ids = ids.withOneMore();
      String id = ids.last();
      running.add(
          requests.submit(
              () -> {
                blob.stageBlockWithResponse(
                    new BlockBlobStageBlockOptions(id, BinaryData.fromBytes(block)),
                    null,
                    Context.NONE);
                memory.release();
              }));
    }
    for (Future<?> one : running) {
      one.get();
    }
    blob.commitBlockListWithResponse(
        new BlockBlobCommitBlockListOptions(ids.all()), null, Context.NONE);
  }

  private void download(String name, long bytes, Sink sink) throws Exception {
    BlockBlobClient blob = blob(name);
    List<Future<?>> running = new ArrayList<>();
    for (long at = 0; at < bytes; at += blockBytes) {
      long begin = at;
      int length = (int) Math.min(blockBytes, bytes - at);
      running.add(
          requests.submit(
              () -> {
                sink.take(range(blob, begin, length), begin);
                return null;
              }));
    }
    for (Future<?> one : running) {
      one.get();
    }
  }

  private void copyUp(int number) throws Exception {
    try (FileChannel from = FileChannel.open(disk.resolve("up-" + number))) {
      upload(
          "copies/" + number,
          sizes.copyBytes(),
          (block, begin) -> {
            ByteBuffer into = ByteBuffer.wrap(block);
            while (into.hasRemaining()) {
              BlobWorkload.check(from.read(into, begin + into.position()) > 0, "a file ends early");
            }
          });
    }
  }

  private void copyDown(int number) throws Exception {
    try (FileChannel into =
        FileChannel.open(
            disk.resolve("down-" + number),
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      download(
          "copies/" + number,
          sizes.copyBytes(),
          (block, begin) -> {
            ByteBuffer left = ByteBuffer.wrap(block);
            while (left.hasRemaining()) {
              into.write(left, begin + left.position());
            }
          });
    }
  }

  private void writeSmall(int number) {
    byte[] block = new byte[sizes.smallBytes()];
    fill(block, 0);
    put(blob("small/" + number), block);
  }

  private static void put(BlockBlobClient blob, byte[] content) {
    blob.uploadWithResponse(
        new BlockBlobSimpleUploadOptions(BinaryData.fromBytes(content)), null, Context.NONE);
  }

  private static byte[] range(BlockBlobClient blob, long begin, int length) throws IOException {
    Filled into = new Filled(length);
    blob.downloadStreamWithResponse(
        into, new BlobRange(begin, (long) length), null, null, false, null, Context.NONE);
    BlobWorkload.check(into.size == length, "a range has " + into.size + " bytes");
    return into.bytes;
  }

  /** An array of known length. */
  private static final class Filled extends OutputStream {
    private final byte[] bytes;
    private int size;

    Filled(int length) {
      this.bytes = new byte[length];
    }

    @Override
    public void write(int b) {
      bytes[size++] = (byte) b;
    }

    @Override
    public void write(byte[] from, int offset, int length) {
      System.arraycopy(from, offset, bytes, size, length);
      size += length;
    }
  }
}
