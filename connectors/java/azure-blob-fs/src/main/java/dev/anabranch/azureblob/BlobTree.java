package dev.anabranch.azureblob;

import com.azure.core.http.rest.PagedIterable;
import com.azure.storage.blob.BlobContainerClient;
import com.azure.storage.blob.models.BlobItem;
import com.azure.storage.blob.models.BlobListDetails;
import com.azure.storage.blob.models.BlobProperties;
import com.azure.storage.blob.models.BlobStorageException;
import com.azure.storage.blob.models.ListBlobsOptions;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import org.apache.flink.core.fs.FileStatus;
import org.jspecify.annotations.Nullable;

/**
 * The names of a container seen as files and directories. In a flat account a directory is a prefix
 * that some blob has; in one with a hierarchical namespace it is also a blob of its own, marked in
 * its metadata, which cannot be deleted before what is in it.
 */
final class BlobTree {
  // How accounts with a hierarchical namespace, and Hadoop's older driver, mark directories.
  private static final String DIRECTORY_MARK = "hdi_isfolder";
  private static final String NOT_EMPTY = "DirectoryIsNotEmpty";

  private final ContainerUri uri;
  private final BlobContainerClient container;
  private final BlobErrors errors;
  private final ExecutorService pool;
  private final long blockBytes;

  BlobTree(
      ContainerUri uri,
      BlobContainerClient container,
      BlobErrors errors,
      ExecutorService pool,
      long blockBytes) {
    this.uri = uri;
    this.container = container;
    this.errors = errors;
    this.pool = pool;
    this.blockBytes = blockBytes;
  }

  /** A client of one blob. */
  BlockBlobClient blob(String name) {
    return container.getBlobClient(name).getBlockBlobClient();
  }

  /** File or directory of that name; null where neither is. */
  @Nullable BlobStatus status(String name) throws IOException {
    try {
      if (!name.isEmpty()) {
        BlobStatus file = file(name);
        if (file != null) {
          return file;
        }
      }
      return hasChildren(name) || name.isEmpty() ? BlobStatus.directory(uri.pathOf(name)) : null;
    } catch (RuntimeException e) {
      throw errors.of("look up", name, e);
    }
  }

  /**
   * Whether the container is known to let us in; not, where the service is silent or overloaded.
   *
   * @throws IOException it is known not to
   */
  boolean letsIn(String name) throws IOException {
    try {
      hasChildren(name);
      return true;
    } catch (RuntimeException e) {
      if (BackOff.mayPass(e)) {
        return false;
      }
      throw errors.of("use", name, e);
    }
  }

  /**
   * What is directly in a directory; the file itself, of a file; nothing where there is neither.
   */
  FileStatus[] list(String name) throws IOException {
    try {
      Map<String, BlobStatus> found = new LinkedHashMap<>();
      for (BlobItem item : children(name)) {
        String child = withoutSlash(item.getName());
        if (Boolean.TRUE.equals(item.isPrefix()) || isDirectory(item.getMetadata())) {
          found.put(child, BlobStatus.directory(uri.pathOf(child)));
        } else if (!child.equals(name)) {
          found.putIfAbsent(child, file(child, item));
        }
      }
      if (found.isEmpty() && !name.isEmpty()) {
        BlobStatus file = file(name);
        return file == null || file.isDir() ? new FileStatus[0] : new FileStatus[] {file};
      }
      return found.values().toArray(FileStatus[]::new);
    } catch (RuntimeException e) {
      throw errors.of("list", name, e);
    }
  }

  /**
   * Deletes a file, or a directory with nothing in it.
   *
   * @return whether there was one
   * @throws IOException also when there is something in the directory
   */
  boolean delete(String name) throws IOException {
    try {
      if (!name.isEmpty() && deleteOne(name)) {
        return true;
      }
      if (hasChildren(name)) {
        throw new BlobErrors.BlobException(
            "cannot delete " + uri.pathOf(name) + ": there is something in it", null);
      }
      return false;
    } catch (RuntimeException e) {
      throw errors.of("delete", name, e);
    }
  }

  /** Deletes a file, or a directory with all that is in it; returns whether there was one. */
  boolean deleteAll(String name) throws IOException {
    try (Parallel requests = new Parallel(pool)) {
      List<String> directories = new ArrayList<>();
      boolean any = false;
      for (BlobItem item : below(name)) {
        any = true;
        String found = item.getName();
        if (isDirectory(item.getMetadata())) {
          directories.add(found);
        } else {
          requests.run(() -> deleteOne(found));
        }
      }
      requests.awaitAll();
      any |= deleteDeepestFirst(directories, requests);
      return (!name.isEmpty() && deleteOne(name)) || any;
    } catch (RuntimeException | ExecutionException | InterruptedException e) {
      throw errors.of("delete", name, e);
    }
  }

  /**
   * Moves a file, or a directory with all that is in it, by copies within the service. Not atomic:
   * sources are deleted only once all are copied, and a failure leaves both.
   *
   * @return false where there is no source, or something at the target
   */
  boolean rename(String from, String to) throws IOException {
    if (from.isEmpty() || to.isEmpty() || (to + "/").startsWith(from + "/")) {
      return false;
    }
    try {
      BlobStatus source = status(from);
      if (source == null || status(to) != null) {
        return false;
      }
      if (!source.isDir()) {
        copy(from, to);
        deleteOne(from);
      } else {
        renameAll(from, to);
      }
      // Whether a source was still there to be deleted says nothing: the answer to the first
      // request may have been lost.
      return true;
    } catch (RuntimeException e) {
      throw errors.of("rename", from, e);
    }
  }

  /** Copies one blob within the container, by the service alone; replaces the target. */
  void copy(String from, String to) {
    blob(to).beginCopy(blob(from).getBlobUrl(), null).waitForCompletion();
  }

  private void renameAll(String from, String to) throws IOException {
    try (Parallel requests = new Parallel(pool)) {
      for (BlobItem item : below(from)) {
        String source = item.getName();
        String target = to + source.substring(from.length());
        if (!isDirectory(item.getMetadata())) {
          requests.run(() -> copy(source, target));
        }
      }
      requests.awaitAll();
    } catch (ExecutionException | InterruptedException e) {
      throw errors.of("rename", from, e);
    }
    deleteAll(from);
  }

  private boolean deleteDeepestFirst(Collection<String> directories, Parallel requests)
      throws ExecutionException, InterruptedException {
    Map<Long, List<String>> byDepth = new TreeMap<>(Comparator.reverseOrder());
    for (String directory : directories) {
      long depth = directory.chars().filter(c -> c == '/').count();
      byDepth.computeIfAbsent(depth, d -> new ArrayList<>()).add(directory);
    }
    for (List<String> level : byDepth.values()) {
      for (String directory : level) {
        requests.run(() -> deleteOne(directory));
      }
      requests.awaitAll();
    }
    return !byDepth.isEmpty();
  }

  private boolean deleteOne(String name) throws IOException {
    try {
      blob(name).delete();
      return true;
    } catch (BlobStorageException e) {
      if (BlobErrors.isAbsent(e)) {
        return false;
      }
      if (NOT_EMPTY.equals(String.valueOf(e.getErrorCode()))) {
        throw new BlobErrors.BlobException(
            "cannot delete " + uri.pathOf(name) + ": there is something in it", e);
      }
      throw e;
    }
  }

  private @Nullable BlobStatus file(String name) {
    try {
      BlobProperties found = blob(name).getProperties();
      return isDirectory(found.getMetadata())
          ? BlobStatus.directory(uri.pathOf(name))
          : new BlobStatus(
              uri.pathOf(name),
              false,
              found.getBlobSize(),
              found.getLastModified().toInstant().toEpochMilli(),
              blockBytes);
    } catch (BlobStorageException e) {
      if (BlobErrors.isAbsent(e)) {
        return null;
      }
      throw e;
    }
  }

  private BlobStatus file(String name, BlobItem item) {
    return new BlobStatus(
        uri.pathOf(name),
        false,
        item.getProperties().getContentLength(),
        item.getProperties().getLastModified().toInstant().toEpochMilli(),
        blockBytes);
  }

  private boolean hasChildren(String name) {
    ListBlobsOptions options =
        new ListBlobsOptions().setPrefix(prefix(name)).setMaxResultsPerPage(1);
    return container.listBlobs(options, null).iterator().hasNext();
  }

  private PagedIterable<BlobItem> children(String name) {
    return container.listBlobsByHierarchy("/", withMetadata(name), null);
  }

  private PagedIterable<BlobItem> below(String name) {
    return container.listBlobs(withMetadata(name), null);
  }

  private static ListBlobsOptions withMetadata(String name) {
    return new ListBlobsOptions()
        .setPrefix(prefix(name))
        .setDetails(new BlobListDetails().setRetrieveMetadata(true));
  }

  private static String prefix(String name) {
    return name.isEmpty() || name.endsWith("/") ? name : name + "/";
  }

  private static String withoutSlash(String name) {
    return name.endsWith("/") ? name.substring(0, name.length() - 1) : name;
  }

  private static boolean isDirectory(@Nullable Map<String, String> metadata) {
    return metadata != null && "true".equalsIgnoreCase(metadata.get(DIRECTORY_MARK));
  }
}
