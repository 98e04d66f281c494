package dev.anabranch.azureblob;

import com.azure.core.util.BinaryData;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Writes one file, which is there as a whole once {@link #close} has returned, and not before.
 *
 * <p>Nothing is published where a write has failed, or where another thread closes the stream in
 * the midst of a write, as Flink does to cancel one. A close in good order publishes: Flink's
 * checkpoint streams, which abort by closing, delete the file right after.
 */
final class BlobOutputStream extends FSDataOutputStream {
  private final String name;
  private final BlockBlobClient blob;
  private final BlobErrors errors;
  private final BlockStager stager;
  private final boolean overwrite;
  private volatile @Nullable Thread writing;
  private boolean failed;
  private volatile boolean closed;
  private volatile long position;

  BlobOutputStream(
      String name, BlockBlobClient blob, BlobErrors errors, BlockStager stager, boolean overwrite) {
    this.name = name;
    this.blob = blob;
    this.errors = errors;
    this.stager = stager;
    this.overwrite = overwrite;
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
    if (closed) {
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
    if (closed) {
      return;
    }
    closed = true;
    Thread writer = writing;
    if (writer != null && writer != Thread.currentThread()) {
      stager.abort();
      failed = true;
    }
    try {
      if (!failed) {
        publish();
      }
    } finally {
      stager.close();
    }
  }

  private void publish() throws IOException {
    BinaryData whole = stager.whole();
    BlobCommit commit =
        new BlobCommit(name, blob, errors, stager.ids().run().toString(), overwrite);
    if (whole != null) {
      commit.put(whole);
    } else {
      commit.putList(stager.flush().all());
    }
  }
}
