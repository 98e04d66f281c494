package dev.anabranch.azureblob;

import com.azure.core.util.BinaryData;
import com.azure.core.util.Context;
import com.azure.storage.blob.models.BlobErrorCode;
import com.azure.storage.blob.models.BlobRequestConditions;
import com.azure.storage.blob.models.BlobStorageException;
import com.azure.storage.blob.options.BlockBlobCommitBlockListOptions;
import com.azure.storage.blob.options.BlockBlobSimpleUploadOptions;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The one request that makes a file visible. It leaves the id of the write in the blob's metadata:
 * where the answer is lost and the request repeated, or a job recovers and commits once more, the
 * service refuses because the blob exists, and the id tells that it is our own.
 */
final class BlobCommit {
  /** The key of the write's id in the metadata of a blob. */
  static final String WRITE_ID = "anabranch_write";

  /** A file of which all is staged, and nothing to be seen. */
  interface Staged {
    /** Makes it visible. */
    void commit() throws IOException;
  }

  private final String name;
  private final BlockBlobClient blob;
  private final BlobErrors errors;
  private final String writeId;
  private final boolean overwrite;

  /**
   * For one write.
   *
   * @param writeId the same for each attempt at the same content, and never for any other
   * @param overwrite whether a blob that is there is replaced
   */
  BlobCommit(
      String name, BlockBlobClient blob, BlobErrors errors, String writeId, boolean overwrite) {
    this.name = name;
    this.blob = blob;
    this.errors = errors;
    this.writeId = writeId;
    this.overwrite = overwrite;
  }

  /** Writes the whole blob by one request. */
  void put(BinaryData content) throws IOException {
    run(
        conditions ->
            blob.uploadWithResponse(
                new BlockBlobSimpleUploadOptions(content)
                    .setMetadata(metadata())
                    .setRequestConditions(conditions),
                null,
                Context.NONE));
  }

  /** Makes the blob of blocks that are staged. */
  void putList(List<String> blockIds) throws IOException {
    run(
        conditions ->
            blob.commitBlockListWithResponse(
                new BlockBlobCommitBlockListOptions(blockIds)
                    .setMetadata(metadata())
                    .setRequestConditions(conditions),
                null,
                Context.NONE));
  }

  /** Whether the blob that is there was written by this write; null where there is none. */
  @Nullable Boolean isOwn() throws IOException {
    try {
      return writeId.equals(blob.getProperties().getMetadata().get(WRITE_ID));
    } catch (BlobStorageException e) {
      if (BlobErrors.isAbsent(e)) {
        return null;
      }
      throw errors.of("commit", name, e);
    } catch (RuntimeException e) {
      throw errors.of("commit", name, e);
    }
  }

  private void run(Consumer<BlobRequestConditions> request) throws IOException {
    BlobRequestConditions conditions = new BlobRequestConditions();
    if (!overwrite) {
      conditions.setIfNoneMatch("*");
    }
    try {
      request.accept(conditions);
    } catch (BlobStorageException e) {
      if (!mayBeDone(e) || !Boolean.TRUE.equals(isOwn())) {
        throw refused(e);
      }
    } catch (RuntimeException e) {
      throw errors.of("commit", name, e);
    }
  }

  /** The blob exists; or its blocks are not there any more, as when they have been committed. */
  private static boolean mayBeDone(BlobStorageException e) {
    return isThere(e) || BlobErrorCode.INVALID_BLOCK_LIST.equals(e.getErrorCode());
  }

  private static boolean isThere(BlobStorageException e) {
    return BlobErrorCode.BLOB_ALREADY_EXISTS.equals(e.getErrorCode())
        || BlobErrorCode.CONDITION_NOT_MET.equals(e.getErrorCode());
  }

  private IOException refused(BlobStorageException e) {
    if (isThere(e)) {
      IOException there = new FileAlreadyExistsException(name + " exists already");
      there.initCause(e);
      return there;
    }
    if (BlobErrorCode.INVALID_BLOCK_LIST.equals(e.getErrorCode())) {
      return new BlobErrors.BlobException(
          name
              + " cannot be committed: blocks of it are gone, which the service keeps for a week, or"
              + " another writer has committed a blob of this name",
          e);
    }
    return errors.of("commit", name, e);
  }

  private Map<String, String> metadata() {
    return Map.of(WRITE_ID, writeId);
  }
}
