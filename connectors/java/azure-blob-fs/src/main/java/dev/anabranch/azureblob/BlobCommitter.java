package dev.anabranch.azureblob;

import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream.Committer;
import org.apache.flink.core.fs.RecoverableWriter.CommitRecoverable;

/**
 * Makes a staged file visible. It may be committed any number of times, by this committer and by
 * those of recovered jobs: the blob tells that it has been.
 */
final class BlobCommitter implements Committer {
  private final BlobRecoverable file;
  private final BlobCommit commit;

  BlobCommitter(BlobRecoverable file, BlockBlobClient blob, BlobErrors errors) {
    this.file = file;
    this.commit = new BlobCommit(file.name(), blob, errors, file.writeId(), false);
  }

  @Override
  public void commit() throws IOException {
    commit.putList(file.blockIds());
  }

  @Override
  public void commitAfterRecovery() throws IOException {
    commit();
  }

  @Override
  public CommitRecoverable getRecoverable() {
    return file;
  }
}
