package dev.anabranch.azureblob;

import com.azure.core.util.BinaryData;
import com.azure.core.util.Context;
import com.azure.storage.blob.options.BlockBlobStageBlockOptions;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.flink.core.fs.ICloseableRegistry;
import org.apache.flink.core.fs.PathsCopyingFileSystem.CopyRequest;

/**
 * Copies whole files between the local disk and the container, or within the container, which the
 * service does by itself. Ranges of one file and several files go in parallel, straight between
 * disk and connection, so no block is held in memory.
 */
final class PathCopier {
  // A restore may have thousands of files; processes are often allowed 1,024 open ones.
  private static final int OPEN_FILES = 128;

  private final BlobTree tree;
  private final BlobResources resources;
  private final BlobErrors errors;
  private final Settings settings;

  PathCopier(BlobTree tree, BlobResources resources, BlobErrors errors, Settings settings) {
    this.tree = tree;
    this.resources = resources;
    this.errors = errors;
    this.settings = settings;
  }

  /** Whether a path is of the local disk. */
  static boolean isLocal(org.apache.flink.core.fs.Path path) {
    String scheme = path.toUri().getScheme();
    return scheme == null || "file".equals(scheme);
  }

  /** Copies all, or throws; targets may then be there in part. Closing the registry stops it. */
  void copy(List<CopyRequest> requests, ICloseableRegistry registry) throws IOException {
    try (Parallel uploads = new Parallel(resources.writers);
        Parallel downloads = new Parallel(resources.readers)) {
      Closeable stop =
          () -> {
            uploads.stop();
            downloads.stop();
          };
      registry.registerCloseable(stop);
      try {
        for (int at = 0; at < requests.size(); at += OPEN_FILES) {
          int end = Math.min(requests.size(), at + OPEN_FILES);
          copyPart(requests.subList(at, end), uploads, downloads);
        }
      } finally {
        registry.unregisterCloseable(stop);
      }
    } catch (ExecutionException | InterruptedException | RuntimeException e) {
      throw errors.of("copy files from or to", "", e);
    }
  }

  private void copyPart(List<CopyRequest> requests, Parallel uploads, Parallel downloads)
      throws IOException, ExecutionException, InterruptedException {
    List<BlobCommit.Staged> staged = new ArrayList<>();
    List<Download> begun = new ArrayList<>();
    List<Future<?>> firsts = new ArrayList<>();
    try {
      for (CopyRequest request : requests) {
        String target = ContainerUri.nameOf(request.getDestination());
        String source = ContainerUri.nameOf(request.getSource());
        if (isLocal(request.getSource())) {
          upload(Path.of(request.getSource().getPath()), target, uploads, staged);
        } else if (isLocal(request.getDestination())) {
          Download download = new Download(source, request.getDestination());
          begun.add(download);
          firsts.add(downloads.run(named(source, download::first)));
        } else {
          uploads.run(named(source, () -> tree.copy(source, target)));
        }
      }
      for (int i = 0; i < begun.size(); i++) {
        firsts.get(i).get(); // while the first ranges of those after it are fetched
        begun.get(i).rest(downloads);
      }
      downloads.awaitAll();
      uploads.awaitAll();
    } finally {
      for (Download download : begun) {
        download.channel.close();
      }
    }
    if (uploads.isStopped()) {
      throw new IOException("the copying of files was stopped");
    }
    for (BlobCommit.Staged file : staged) {
      uploads.run(file::commit);
    }
    uploads.awaitAll();
  }

  private void upload(Path file, String name, Parallel uploads, List<BlobCommit.Staged> staged)
      throws IOException, ExecutionException, InterruptedException {
    BlockBlobClient blob = tree.blob(name);
    BlockIds ids = BlockIds.none();
    BlobCommit commit = new BlobCommit(name, blob, errors, ids.run().toString(), true);
    long size = Files.size(file);
    if (size <= settings.blockBytes()) {
      uploads.run(() -> commit.put(part(file, 0, size)));
      return;
    }
    for (long at = 0; at < size; at += settings.blockBytes()) {
      ids = ids.withOneMore();
      String id = ids.last();
      BinaryData part = part(file, at, Math.min(settings.blockBytes(), size - at));
      uploads.run(
          named(
              name,
              () ->
                  blob.stageBlockWithResponse(
                      new BlockBlobStageBlockOptions(id, part), null, Context.NONE)));
    }
    BlockIds all = ids;
    staged.add(() -> commit.putList(all.all()));
  }

  /** The same request, whose error says which blob it is about. */
  private Parallel.Request named(String name, Parallel.Request request) {
    return () -> {
      try {
        request.run();
      } catch (RuntimeException e) {
        throw errors.of("copy", name, e);
      }
    };
  }

  private static BinaryData part(Path file, long begin, long length) {
    return length == 0
        ? BinaryData.fromBytes(new byte[0])
        : BinaryData.fromFile(file, begin, length);
  }

  /** One file on its way to the disk: its first range, which tells its length, and the rest. */
  private final class Download {
    private final String name;
    private final RangeReader ranges;
    private final FileChannel channel;

    Download(String name, org.apache.flink.core.fs.Path target) throws IOException {
      Path file = Path.of(target.getPath());
      if (file.getParent() != null) {
        Files.createDirectories(file.getParent());
      }
      this.name = name;
      this.ranges = new RangeReader(tree.blob(name), settings.retries());
      this.channel =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING);
    }

    void first() {
      ranges.copyFirst(new ChannelSink(channel, 0), settings.blockBytes());
    }

    void rest(Parallel downloads) throws ExecutionException, InterruptedException {
      for (long at = settings.blockBytes(); at < ranges.length(); at += settings.blockBytes()) {
        long begin = at;
        long length = Math.min(settings.blockBytes(), ranges.length() - at);
        downloads.run(
            named(name, () -> ranges.copy(new ChannelSink(channel, begin), begin, length)));
      }
    }
  }

  /** Writes to a place of a file, whatever others write to other places of it. */
  private static final class ChannelSink extends OutputStream {
    private final FileChannel channel;
    private long position;

    ChannelSink(FileChannel channel, long position) {
      this.channel = channel;
      this.position = position;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] from, int offset, int length) throws IOException {
      ByteBuffer left = ByteBuffer.wrap(from, offset, length);
      while (left.hasRemaining()) {
        position += channel.write(left, position);
      }
    }
  }
}
