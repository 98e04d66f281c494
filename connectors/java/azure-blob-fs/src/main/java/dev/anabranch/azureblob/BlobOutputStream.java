package dev.anabranch.azureblob;

import com.azure.core.util.BinaryData;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Writes one file, which is there as a whole once {@link #close} has returned, and not before.
 *
 * <p>Nothing is published where a write has failed, or where another thread closes the stream in
 * the midst of a write, as Flink does to cancel one. Where another thread closes it while it is
 * being published, it waits for the outcome: Flink deletes the file right after, which must find
 * it. A close in good order publishes, also one that is meant as an abort: Flink's checkpoint
 * streams do so, and delete the file then.
 */
final class BlobOutputStream extends FSDataOutputStream {
  private final String name;
  private final BlockBlobClient blob;
  private final BlobErrors errors;
  private final BlockStager stager;
  private final boolean overwrite;
  private volatile @Nullable Thread writing;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final ReentrantLock publishing = new ReentrantLock();
  private final Duration patience;
  private volatile boolean failed;
  private volatile long position;

  /**
   * For one file.
   *
   * @param patience how long a close waits for another one that is publishing
   */
  BlobOutputStream(
      String name,
      BlockBlobClient blob,
      BlobErrors errors,
      BlockStager stager,
      boolean overwrite,
      Duration patience) {
    this.name = name;
    this.blob = blob;
    this.errors = errors;
    this.stager = stager;
    this.overwrite = overwrite;
    this.patience = patience;
  }

  @Override
  public long getPos() {
    return position;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] from, int offset, int length) throws IOException {
    if (closed.get()) {
      throw new IOException("the stream of " + name + " is closed");
    }
    writing = Thread.currentThread();
    try {
      stager.write(from, offset, length);
      position += length;
    } catch (IOException | RuntimeException e) {
      failed = true;
      throw e;
    } finally {
      writing = null;
    }
  }

  /** Nothing to do: a part of a file is never visible. */
  @Override
  public void flush() {}

  /** As {@link #flush}: there is no file before it is closed. */
  @Override
  public void sync() {}

  @Override
  public void close() throws IOException {
    boolean first = closed.compareAndSet(false, true);
    Thread writer = writing;
    boolean amidst = writer != null && writer != Thread.currentThread();
    if (amidst || !first) {
      stager.abort();
    }
    if (first && !amidst && !failed) {
      publishing.lock();
      try {
        publish();
      } finally {
        stager.close();
        publishing.unlock();
      }
    } else {
      awaitPublishing();
      stager.close();
    }
  }

  /** Returns at once unless another thread publishes. */
  private void awaitPublishing() throws IOException {
    try {
      if (publishing.tryLock(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        publishing.unlock();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw errors.interrupted("close", name);
    }
  }

  private void publish() throws IOException {
    List<ByteBuffer> whole = stager.whole();
    BlobCommit commit =
        new BlobCommit(name, blob, errors, stager.ids().run().toString(), overwrite);
    if (whole != null) {
      try {
        commit.put(BinaryData.fromListByteBuffer(whole));
      } finally {
        BlockStager.letGo(whole);
      }
    } else {
      commit.putList(stager.flush().all());
    }
  }
}
