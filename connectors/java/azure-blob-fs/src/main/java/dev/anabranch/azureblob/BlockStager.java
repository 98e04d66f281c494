package dev.anabranch.azureblob;

import com.azure.core.util.BinaryData;
import com.azure.core.util.Context;
import com.azure.storage.blob.options.BlockBlobStageBlockOptions;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Collects what is written to one file in blocks and stages them in parallel. Staged blocks are
 * invisible until they are committed; what is never committed, the service forgets after a week.
 *
 * <p>Written to by one thread at a time. {@link #release} may come from another one at any time.
 */
final class BlockStager implements MemoryBudget.Holder {
  // Pages grow with the block, so that a file of a few hundred bytes takes a small one.
  private static final int FIRST_PAGE = 4 * 1024;
  private static final int LARGEST_PAGE = 64 * 1024;

  private final String name;
  private final BlockBlobClient blob;
  private final BlobResources resources;
  private final BlobErrors errors;
  private final int firstBytes;
  private final int blockBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<ByteBuffer> pages = new ArrayList<>();
  private final Deque<Future<?>> inFlight = new ArrayDeque<>();
  private BlockIds ids;
  private final int idsBefore;
  private int filled;
  private boolean sealed;
  private volatile long held;
  private volatile boolean aborted;
  private volatile @Nullable Throwable failure;

  /**
   * For one file.
   *
   * @param name of the blob
   * @param firstBytes how much is collected before the first block is staged, if there is room
   * @param blockBytes the same of each further one
   * @param idsBefore how many blocks the blob has from earlier runs
   */
  BlockStager(
      String name,
      BlockBlobClient blob,
      BlobResources resources,
      BlobErrors errors,
      int firstBytes,
      int blockBytes,
      int idsBefore) {
    this.name = name;
    this.blob = blob;
    this.resources = resources;
    this.errors = errors;
    this.firstBytes = firstBytes;
    this.blockBytes = blockBytes;
    this.idsBefore = idsBefore;
    this.ids = BlockIds.none();
    resources.budget.register(this);
  }

  /** Takes bytes; waits while there is no memory. */
  void write(byte[] from, int offset, int length) throws IOException {
    lock.lock();
    try {
      int position = offset;
      int left = length;
      while (left > 0) {
        if (filled == nextBytes()) {
          stage(); // not before there is more: what fits the first block is written by one request
        }
        ByteBuffer page = page();
        int part = Math.min(left, Math.min(page.remaining(), nextBytes() - filled));
        page.put(from, position, part);
        filled += part;
        position += part;
        left -= part;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Stages what is collected and waits until all blocks are staged. */
  BlockIds flush() throws IOException {
    lock.lock();
    try {
      check();
      if (filled > 0) {
        stage();
      }
      awaitAll();
      return ids;
    } finally {
      lock.unlock();
    }
  }

  /**
   * All that was written, if it is so little that no block has been staged: it can then be written
   * by one request, and is not staged any more. Null otherwise. The memory goes back by {@link
   * #close}.
   */
  @Nullable List<ByteBuffer> whole() throws IOException {
    lock.lock();
    try {
      check();
      if (ids.count() > 0) {
        return null;
      }
      sealed = true;
      return content();
    } finally {
      lock.unlock();
    }
  }

  /** The number of this run, by which a blob is known as written by it. */
  BlockIds ids() {
    return ids;
  }

  /**
   * From now on every write fails, and what has not been begun is not; may come from any thread.
   */
  void abort() {
    aborted = true;
  }

  /** Fails once it is aborted, or a block could not be staged. */
  void check() throws IOException {
    Throwable failed = failure;
    if (failed != null) {
      throw errors.of("write", name, failed);
    }
    if (aborted) {
      throw new IOException("the stream of " + name + " is closed");
    }
  }

  /** Gives all memory back; nothing more can be written. */
  void close() {
    resources.budget.unregister(this);
    aborted = true;
    lock.lock();
    try {
      // Uploads in flight are not cancelled: each ends by itself, within its time limits, and gives
      // its memory back.
      drop();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long held() {
    return held;
  }

  @Override
  public boolean release() {
    if (!lock.tryLock()) {
      return false;
    }
    try {
      if (filled == 0 || sealed || aborted || failure != null) {
        return false;
      }
      stage();
      return true;
    } catch (IOException e) {
      failure = e;
      return false;
    } finally {
      lock.unlock();
    }
  }

  private int nextBytes() {
    return ids.count() == 0 ? firstBytes : blockBytes;
  }

  private ByteBuffer page() throws IOException {
    check();
    if (!pages.isEmpty() && pages.get(pages.size() - 1).hasRemaining()) {
      return pages.get(pages.size() - 1);
    }
    int size = Math.min(LARGEST_PAGE, Math.max(FIRST_PAGE, filled));
    size = Math.min(size, nextBytes() - filled);
    // While it waits for memory, what was collected may be staged: by itself, to make room.
    resources.budget.take(size, this);
    held += size;
    check();
    ByteBuffer page = ByteBuffer.allocate(size);
    pages.add(page);
    return page;
  }

  private void stage() throws IOException {
    if (idsBefore + ids.count() >= BlockIds.MOST) {
      throw new IOException(
          "%s would have more than %d blocks: set %s higher, or let files roll earlier"
              .formatted(name, BlockIds.MOST, AzureBlobOptions.BLOCK_SIZE.key()));
    }
    List<ByteBuffer> content = content();
    long bytes = held;
    ids = ids.withOneMore();
    String id = ids.last();
    forget();
    resources.budget.startReturn(bytes);
    inFlight.add(resources.writers.submit(() -> upload(id, content, bytes)));
    while (!inFlight.isEmpty() && inFlight.element().isDone()) {
      inFlight.remove(); // whether it failed is in the field
    }
  }

  private List<ByteBuffer> content() {
    List<ByteBuffer> full = new ArrayList<>(pages.size());
    for (ByteBuffer page : pages) {
      full.add(page.duplicate().flip());
    }
    return full;
  }

  /**
   * For when the request has ended. An idle connection knows what it sent last: the heap would keep
   * that of each.
   */
  static void letGo(List<ByteBuffer> content) {
    content.clear();
  }

  private void drop() {
    resources.budget.giveBack(held);
    forget();
  }

  private void forget() {
    pages.clear();
    filled = 0;
    held = 0;
  }

  private void awaitAll() throws IOException {
    while (!inFlight.isEmpty()) {
      try {
        inFlight.remove().get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw errors.interrupted("write", name);
      } catch (ExecutionException e) {
        failure = e.getCause();
      }
    }
    check();
  }

  private void upload(String id, List<ByteBuffer> content, long bytes) {
    try {
      if (!aborted && failure == null) {
        BinaryData data = BinaryData.fromListByteBuffer(content);
        blob.stageBlockWithResponse(new BlockBlobStageBlockOptions(id, data), null, Context.NONE);
      }
    } catch (RuntimeException e) {
      failure = e;
    } finally {
      letGo(content);
      resources.budget.endReturn(bytes);
    }
  }
}
