package dev.anabranch.azureblob;

import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import java.util.List;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream;
import org.apache.flink.core.fs.RecoverableFsDataOutputStream.Committer;
import org.apache.flink.core.fs.RecoverableWriter;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Makes streams whose state can be kept in a checkpoint and resumed from there. What is persisted
 * are staged blocks of the target itself: there are no temporary files, and nothing to clean up.
 *
 * <p>The service keeps staged blocks for a week after the last one was staged, so a checkpoint with
 * unfinished files in it is to be restored within that time.
 */
final class BlobRecoverableWriter implements RecoverableWriter {
  private final ContainerUri uri;
  private final BlobTree tree;
  private final BlobResources resources;
  private final BlobErrors errors;
  private final int blockBytes;

  BlobRecoverableWriter(
      ContainerUri uri, BlobTree tree, BlobResources resources, BlobErrors errors, int blockBytes) {
    this.uri = uri;
    this.tree = tree;
    this.resources = resources;
    this.errors = errors;
    this.blockBytes = blockBytes;
  }

  @Override
  public RecoverableFsDataOutputStream open(Path path) throws IOException {
    String name = ContainerUri.nameOf(path);
    if (name.isEmpty()) {
      throw new IOException("cannot write to " + path + ": it is the container itself");
    }
    return stream(new BlobRecoverable(name, List.of(), 0));
  }

  @Override
  public RecoverableFsDataOutputStream recover(ResumeRecoverable state) {
    return stream((BlobRecoverable) state);
  }

  @Override
  public Committer recoverForCommit(CommitRecoverable state) {
    BlobRecoverable file = (BlobRecoverable) state;
    return new BlobCommitter(file, tree.blob(file.name()), errors);
  }

  /** Staged blocks that nobody commits go by themselves. */
  @Override
  public boolean requiresCleanupOfRecoverableState() {
    return false;
  }

  @Override
  public boolean cleanupRecoverableState(ResumeRecoverable state) {
    return false;
  }

  @Override
  public boolean supportsResume() {
    return true;
  }

  @Override
  public SimpleVersionedSerializer<CommitRecoverable> getCommitRecoverableSerializer() {
    return BlobRecoverableSerializer.commit();
  }

  @Override
  public SimpleVersionedSerializer<ResumeRecoverable> getResumeRecoverableSerializer() {
    return BlobRecoverableSerializer.resume();
  }

  @Override
  public String toString() {
    return "recoverable writer of " + uri.root();
  }

  private RecoverableFsDataOutputStream stream(BlobRecoverable before) {
    BlockBlobClient blob = tree.blob(before.name());
    int blocks = before.runs().stream().mapToInt(BlockIds::count).sum();
    BlockStager stager =
        new BlockStager(before.name(), blob, resources, errors, blockBytes, blockBytes, blocks);
    return new BlobRecoverableStream(before, blob, errors, stager);
  }
}
