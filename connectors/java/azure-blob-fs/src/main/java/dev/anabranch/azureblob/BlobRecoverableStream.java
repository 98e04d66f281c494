package dev.anabranch.azureblob;

import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;

/**
 * Writes one file, or goes on with one, that becomes visible by its committer alone. {@link #close}
 * without {@link #closeForCommit} publishes nothing.
 */
final class BlobRecoverableStream extends RecoverableFsDataOutputStream {
  private final BlobRecoverable before;
  private final BlockBlobClient blob;
  private final BlobErrors errors;
  private final BlockStager stager;
  private long position;

  BlobRecoverableStream(
      BlobRecoverable before, BlockBlobClient blob, BlobErrors errors, BlockStager stager) {
    this.before = before;
    this.blob = blob;
    this.errors = errors;
    this.stager = stager;
    this.position = before.length();
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
    stager.write(from, offset, length);
    position += length;
  }

  /** Nothing to do: what must outlive a failure is persisted. */
  @Override
  public void flush() {}

  @Override
  public void sync() throws IOException {
    stager.flush();
  }

  @Override
  public BlobRecoverable persist() throws IOException {
    List<BlockIds> runs = new ArrayList<>(before.runs());
    runs.add(stager.flush());
    return new BlobRecoverable(before.name(), runs, position);
  }

  @Override
  public Committer closeForCommit() throws IOException {
    try {
      return new BlobCommitter(persist(), blob, errors);
    } finally {
      close();
    }
  }

  @Override
  public void close() {
    stager.close();
  }
}
