package dev.anabranch.azureblob;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.flink.core.fs.FSDataInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Reads one version of a blob in ranges. It fetches the first range when it is opened, which also
 * tells length and version, and reads ahead while it is read in sequence: one range, and as many as
 * may be once one is through. A seek within what is there costs nothing; after any other one
 * nothing is read ahead before its range is through. Ranges are smaller while many files are open,
 * so that each of these has room for one.
 *
 * <p>Read by one thread at a time; {@link #release} may come from another one.
 */
final class BlobInputStream extends FSDataInputStream implements MemoryBudget.Holder {
  // Smaller ones would be more header than data.
  private static final int LEAST_RANGE = 64 * 1024;

  private final String name;
  private final RangeReader ranges;
  private final BlobResources resources;
  private final BlobErrors errors;
  private final int rangeBytes;
  private final int aheadLimit;
  private final ReentrantLock lock = new ReentrantLock();

  /** In order and without gaps, the first is the one that holds the position. */
  private final Deque<Range> fetched = new ArrayDeque<>();

  private long position;
  private int ahead;
  private volatile boolean closed;
  private volatile @Nullable Range awaited;
  private volatile long held;

  /** A part of the blob, there or on its way. */
  private static final class Range {
    final long begin;
    final int length;
    final CompletableFuture<Fetched> bytes = new CompletableFuture<>();

    /** Nothing of it is on its way any more, be it that nobody waited for that. */
    final CompletableFuture<@Nullable Void> ended = new CompletableFuture<>();

    volatile boolean dropped;

    Range(long begin, int length) {
      this.begin = begin;
      this.length = length;
    }

    boolean has(long at) {
      return at >= begin && at < begin + length;
    }
  }

  private BlobInputStream(
      String name,
      RangeReader ranges,
      BlobResources resources,
      BlobErrors errors,
      int rangeBytes,
      int aheadLimit) {
    this.name = name;
    this.ranges = ranges;
    this.resources = resources;
    this.errors = errors;
    this.rangeBytes = rangeBytes;
    this.aheadLimit = aheadLimit;
  }

  /** Opens a blob by fetching its first range. */
  static BlobInputStream open(
      String name,
      RangeReader ranges,
      BlobResources resources,
      BlobErrors errors,
      Settings settings)
      throws IOException {
    BlobInputStream stream =
        new BlobInputStream(
            name, ranges, resources, errors, settings.blockBytes(), settings.readAhead());
    resources.budget.register(stream);
    int bytes = stream.largestRange();
    stream.lock.lock();
    try {
      resources.budget.take(bytes, stream);
      stream.takeFirst(bytes);
      return stream;
    } catch (IOException | RuntimeException e) {
      stream.close();
      throw errors.of("read", name, e);
    } finally {
      stream.lock.unlock();
    }
  }

  private void takeFirst(int taken) {
    int kept = 0;
    try {
      Fetched first = ranges.first(taken);
      kept = first.size();
      Range range = new Range(0, kept);
      range.bytes.complete(first);
      range.ended.complete(null);
      fetched.add(range);
      held += kept;
    } finally {
      resources.budget.giveBack(taken - kept);
    }
  }

  @Override
  public void seek(long target) throws IOException {
    if (target < 0) {
      throw new EOFException("cannot seek to " + target + " in " + name);
    }
    position = target;
  }

  @Override
  public long getPos() {
    return position;
  }

  @Override
  public int available() {
    lock.lock();
    try {
      Range here = fetched.peek();
      return here != null && here.has(position) && here.bytes.isDone()
          ? (int) (here.begin + here.length - position)
          : 0;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    lock.lock();
    try {
      checkOpen();
      if (position >= ranges.length()) {
        return -1;
      }
      Range here = rangeAt(position);
      Fetched bytes = await(here);
      int from = (int) (position - here.begin);
      int part = Math.min(length, here.length - from);
      bytes.copy(from, into, offset, part);
      position += part;
      return part;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long skip(long count) {
    long step = Math.max(0, Math.min(count, ranges.length() - position));
    position += step;
    return step;
  }

  /** Ends a read that another thread waits in. */
  @Override
  public void close() {
    closed = true;
    Range waited = awaited;
    if (waited != null) {
      waited.bytes.completeExceptionally(new IOException("the stream is closed"));
    }
    lock.lock();
    try {
      drop();
    } finally {
      lock.unlock();
      resources.budget.unregister(this);
    }
  }

  @Override
  public long held() {
    return held;
  }

  @Override
  public boolean release() {
    // By its own thread it comes in the midst of a fetch, whose ranges are in use.
    if (lock.isHeldByCurrentThread() || !lock.tryLock()) {
      return false;
    }
    try {
      ahead = 0;
      return drop();
    } finally {
      lock.unlock();
    }
  }

  private Range rangeAt(long at) throws IOException {
    boolean sequential = false;
    while (!fetched.isEmpty() && !fetched.element().has(at)) {
      Range passed = fetched.remove();
      sequential = passed.begin + passed.length == at || sequential;
      drop(passed);
    }
    boolean jump = fetched.isEmpty() && !sequential;
    if (fetched.isEmpty()) {
      int size = sizeAt(at);
      resources.budget.take(size, this);
      fetch(at, size);
    }
    Range here = fetched.element();
    if (jump) {
      ahead = 0;
    } else if (at == here.begin) {
      readAhead();
    }
    return here;
  }

  /** A range is begun: those after it are asked for, if there is memory. */
  private void readAhead() {
    ahead = ahead == 0 ? Math.min(1, aheadLimit) : aheadLimit;
    while (fetched.size() <= ahead) {
      Range last = fetched.getLast();
      long next = last.begin + last.length;
      int size = sizeAt(next);
      if (size == 0 || !resources.budget.tryTake(size)) {
        return;
      }
      fetch(next, size);
    }
  }

  private void fetch(long at, int size) {
    held += size;
    Range range = new Range(at, size);
    fetched.add(range);
    resources.readers.execute(() -> fill(range));
  }

  private void fill(Range range) {
    try {
      range.bytes.complete(range.dropped ? new Fetched(0) : ranges.read(range.begin, range.length));
    } catch (Throwable e) {
      range.bytes.completeExceptionally(e);
    } finally {
      range.ended.complete(null);
    }
  }

  private void checkOpen() throws IOException {
    if (closed) {
      throw new IOException("the stream of " + name + " is closed");
    }
  }

  private int sizeAt(long at) {
    return (int) Math.min(largestRange(), ranges.length() - at);
  }

  private int largestRange() {
    return (int) Math.min(rangeBytes, Math.max(LEAST_RANGE, resources.budget.share()));
  }

  private Fetched await(Range range) throws IOException {
    awaited = range;
    try {
      // Looked at after it can be seen that this range is waited for: a close does the reverse.
      checkOpen();
      return range.bytes.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw errors.interrupted("read", name);
    } catch (ExecutionException e) {
      checkOpen();
      drop(); // else the next read would find the failed range again
      throw errors.of("read", name, e);
    } finally {
      awaited = null;
    }
  }

  private boolean drop() {
    boolean any = !fetched.isEmpty();
    while (!fetched.isEmpty()) {
      drop(fetched.remove());
    }
    return any;
  }

  /** A range on its way keeps its memory until it ends, which it does within its time limits. */
  private void drop(Range range) {
    range.dropped = true;
    held -= range.length;
    resources.budget.startReturn(range.length);
    range.ended.thenRun(() -> resources.budget.endReturn(range.length));
  }
}
