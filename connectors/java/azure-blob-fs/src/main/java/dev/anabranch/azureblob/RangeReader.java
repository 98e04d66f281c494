package dev.anabranch.azureblob;

import com.azure.core.util.Context;
import com.azure.storage.blob.models.BlobDownloadHeaders;
import com.azure.storage.blob.models.BlobDownloadResponse;
import com.azure.storage.blob.models.BlobRange;
import com.azure.storage.blob.models.BlobRequestConditions;
import com.azure.storage.blob.models.BlobStorageException;
import com.azure.storage.blob.models.DownloadRetryOptions;
import com.azure.storage.blob.specialized.BlockBlobClient;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Fetches ranges of one version of a blob: the first answer names it, and every later request is
 * for that one only, so that a file that is replaced meanwhile gives an error and no mixture.
 */
final class RangeReader {
  private static final int RANGE_NOT_SATISFIABLE = 416;

  private final BlockBlobClient blob;
  private final int retries;
  private volatile @Nullable String version;
  private volatile long length;

  RangeReader(BlockBlobClient blob, int retries) {
    this.blob = blob;
    this.retries = retries;
  }

  /** The blob's length in bytes, known after the first answer. */
  long length() {
    return length;
  }

  /** The blob's beginning, at most so many bytes. */
  Fetched first(int atMost) {
    Fetched bytes = new Fetched(atMost);
    copyFirst(bytes, atMost);
    return bytes;
  }

  /** As {@link #first}, handed on while it comes. */
  void copyFirst(OutputStream into, int atMost) {
    try {
      BlobDownloadHeaders answer = fetch(into, 0, atMost).getDeserializedHeaders();
      version = answer.getETag();
      length = total(answer);
    } catch (BlobStorageException e) {
      if (e.getStatusCode() != RANGE_NOT_SATISFIABLE) {
        throw e;
      }
      length = 0; // no range can be had of an empty blob
    }
  }

  /** A range that is all within the blob. */
  Fetched read(long begin, int length) {
    Fetched bytes = new Fetched(length);
    copy(bytes, begin, length);
    return bytes;
  }

  /** As {@link #read}, handed on while it comes. */
  void copy(OutputStream into, long begin, long bytes) {
    fetch(into, begin, bytes);
  }

  private BlobDownloadResponse fetch(OutputStream into, long begin, long bytes) {
    BlobRequestConditions conditions = new BlobRequestConditions();
    String known = version;
    if (known != null) {
      conditions.setIfMatch(known);
    }
    // Of an answer that breaks off, the rest is asked for.
    DownloadRetryOptions again = new DownloadRetryOptions().setMaxRetryRequests(retries);
    return blob.downloadStreamWithResponse(
        into, new BlobRange(begin, bytes), again, conditions, false, null, Context.NONE);
  }

  /** From "bytes 0-99/1234"; without it the answer was the whole blob. */
  private static long total(BlobDownloadHeaders answer) {
    String range = answer.getContentRange();
    return range == null
        ? answer.getContentLength()
        : Long.parseLong(range.substring(range.indexOf('/') + 1));
  }
}
