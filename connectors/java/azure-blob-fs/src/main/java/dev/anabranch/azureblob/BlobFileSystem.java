package dev.anabranch.azureblob;

import com.azure.storage.blob.BlobContainerClient;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.flink.core.fs.BlockLocation;
import org.apache.flink.core.fs.EntropyInjectingFileSystem;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.ICloseableRegistry;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.PathsCopyingFileSystem;
import org.apache.flink.core.fs.RecoverableWriter;
import org.apache.flink.util.StringUtils;
import org.jspecify.annotations.Nullable;

/**
 * One container as a Flink file system. Files are block blobs; directories are prefixes, which need
 * not be made and end with their last file. Safe for use by many threads.
 *
 * <p>With {@link org.apache.flink.core.fs.FileSystem.WriteMode#NO_OVERWRITE} a file that is there
 * is noticed when the stream is closed, not when it is made: the service decides then, and of two
 * writers exactly one wins.
 */
final class BlobFileSystem extends FileSystem
    implements PathsCopyingFileSystem, EntropyInjectingFileSystem {
  private static final BlockLocation[] NOWHERE = new BlockLocation[0];

  private final ContainerUri uri;
  private final Settings settings;
  private final BlobResources resources;
  private final BlobErrors errors;
  private final BlobTree tree;
  private volatile boolean isLetIn;

  BlobFileSystem(
      ContainerUri uri, Settings settings, BlobResources resources, BlobContainerClient container) {
    this.uri = uri;
    this.settings = settings;
    this.resources = resources;
    this.errors = resources.errors(uri);
    this.tree = new BlobTree(uri, container, errors, resources.writers, settings.blockBytes());
  }

  @Override
  public Path getWorkingDirectory() {
    return new Path(uri.root());
  }

  @Override
  public Path getHomeDirectory() {
    return new Path(uri.root());
  }

  @Override
  public URI getUri() {
    return uri.root();
  }

  @Override
  public boolean isDistributedFS() {
    return true;
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    String name = ContainerUri.nameOf(path);
    FileStatus found = tree.status(name);
    if (found == null) {
      throw errors.absent(name);
    }
    return found;
  }

  @Override
  public boolean exists(Path path) throws IOException {
    return tree.status(ContainerUri.nameOf(path)) != null;
  }

  /** Empty where there is nothing of that name, since there is no telling an empty directory. */
  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    return tree.list(ContainerUri.nameOf(path));
  }

  /** The whole file is equally far from everywhere. */
  @Override
  public BlockLocation[] getFileBlockLocations(FileStatus file, long start, long length) {
    return start < file.getLen() ? new BlockLocation[] {new Anywhere(file.getLen())} : NOWHERE;
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    return open(path);
  }

  @Override
  public FSDataInputStream open(Path path) throws IOException {
    String name = ContainerUri.nameOf(path);
    RangeReader ranges = new RangeReader(tree.blob(name), settings.retries());
    return BlobInputStream.open(name, ranges, resources, errors, settings);
  }

  @Override
  public FSDataOutputStream create(Path path, WriteMode mode) throws IOException {
    String name = fileName(path);
    BlockBlobClient blob = tree.blob(name);
    int block = settings.blockBytes();
    // RocksDB's files are mostly seven or eight megabytes: each is one request so, and not three.
    BlockStager stager = new BlockStager(name, blob, resources, errors, 2 * block, block, 0);
    return new BlobOutputStream(
        name, blob, errors, stager, mode == WriteMode.OVERWRITE, settings.requestTimeout());
  }

  @Override
  public RecoverableWriter createRecoverableWriter() {
    return new BlobRecoverableWriter(uri, tree, resources, errors, settings.blockBytes());
  }

  @Override
  public RecoverableWriter createRecoverableWriter(Map<String, String> options) {
    return createRecoverableWriter();
  }

  /**
   * Makes nothing: a directory is there once something is in it. But a job's start calls this
   * before anything else, so a container that is not there, or lets nobody in, is told now and not
   * by the first checkpoint, whose failure ends no job. One good answer is enough.
   */
  @Override
  public boolean mkdirs(Path path) throws IOException {
    if (!isLetIn) {
      isLetIn = tree.letsIn(ContainerUri.nameOf(path));
    }
    return true;
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    String name = ContainerUri.nameOf(path);
    return recursive ? tree.deleteAll(name) : tree.delete(name);
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    return tree.rename(ContainerUri.nameOf(from), ContainerUri.nameOf(to));
  }

  @Override
  public boolean canCopyPaths(Path source, Path destination) {
    boolean fromHere = isHere(source);
    boolean toHere = isHere(destination);
    return (fromHere || toHere)
        && (fromHere || PathCopier.isLocal(source))
        && (toHere || PathCopier.isLocal(destination));
  }

  @Override
  public void copyFiles(List<CopyRequest> requests, ICloseableRegistry registry)
      throws IOException {
    new PathCopier(tree, resources, errors, settings).copy(requests, registry);
  }

  @Override
  public @Nullable String getEntropyInjectionKey() {
    return settings.entropyKey();
  }

  @Override
  public String generateEntropy() {
    return StringUtils.generateRandomAlphanumericString(
        ThreadLocalRandom.current(), settings.entropyLength());
  }

  private boolean isHere(Path path) {
    return getUri().getScheme().equals(path.toUri().getScheme())
        && getUri().getAuthority().equals(path.toUri().getAuthority());
  }

  private String fileName(Path path) throws IOException {
    String name = ContainerUri.nameOf(path);
    if (name.isEmpty()) {
      throw new IOException("cannot write to " + path + ": it is the container itself");
    }
    return name;
  }

  /** Of a whole file, on no host in particular. */
  private record Anywhere(long getLength) implements BlockLocation {
    @Override
    public String[] getHosts() {
      return new String[0];
    }

    @Override
    public long getOffset() {
      return 0;
    }

    @Override
    public int compareTo(BlockLocation other) {
      return Long.compare(getOffset(), other.getOffset());
    }
  }
}
