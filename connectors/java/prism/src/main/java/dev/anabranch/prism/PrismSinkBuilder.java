package dev.anabranch.prism;

import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * Builds a {@link PrismSink}.
 *
 * @param <T> type of the elements
 */
public final class PrismSinkBuilder<T> {
  private @Nullable String topology;
  private @Nullable String stream;
  private @Nullable RecordSerializer<T> serializer;
  private RecordErrorHandler<T> errorHandler = RecordErrorHandler.fail();
  private @Nullable RecordIdMode recordId;
  private boolean upsert;
  private String jobUid = "";
  private String sinkUid = "";
  private int epoch;
  private PrismOptions options = PrismOptions.defaults();

  /** What the sink is made of. */
  record Parts<T>(
      String topology,
      String stream,
      RecordSerializer<T> serializer,
      RecordErrorHandler<T> errorHandler,
      RecordIdMode recordId,
      boolean upsert,
      String jobUid,
      String sinkUid,
      int epoch,
      PrismOptions options)
      implements Serializable {}

  PrismSinkBuilder() {}

  /** Where the topology document is: a path, http(s) or any URI that Flink's file systems know. */
  public PrismSinkBuilder<T> topology(String location) {
    this.topology = location;
    return this;
  }

  /** The stream to write to, by its name in the topology. */
  public PrismSinkBuilder<T> stream(String name) {
    this.stream = name;
    return this;
  }

  public PrismSinkBuilder<T> serializer(RecordSerializer<T> serializer) {
    this.serializer = serializer;
    return this;
  }

  /** What becomes of records that no primary takes; by default they fail the job. */
  public PrismSinkBuilder<T> onRecordError(RecordErrorHandler<T> handler) {
    this.errorHandler = handler;
    return this;
  }

  /** Where ids come from: by default derived for appends and none for upserts. */
  public PrismSinkBuilder<T> recordId(RecordIdMode mode) {
    this.recordId = mode;
    return this;
  }

  /** Whether a record replaces the one before it of the same key; keys are then required. */
  public PrismSinkBuilder<T> upsert(boolean upsert) {
    this.upsert = upsert;
    return this;
  }

  /** Goes into derived ids: the same over all restarts and upgrades of the job. */
  public PrismSinkBuilder<T> jobUid(String uid) {
    this.jobUid = uid;
    return this;
  }

  /** Goes into derived ids: different for each sink of the job. */
  public PrismSinkBuilder<T> sinkUid(String uid) {
    this.sinkUid = uid;
    return this;
  }

  /** Term of the job's authority record, the first part of each version; 0 where there is none. */
  public PrismSinkBuilder<T> epoch(int epoch) {
    this.epoch = epoch;
    return this;
  }

  public PrismSinkBuilder<T> options(PrismOptions options) {
    this.options = options;
    return this;
  }

  /** Throws {@link IllegalArgumentException} that names what is missing. */
  public PrismSink<T> build() {
    RecordIdMode mode =
        recordId != null ? recordId : upsert ? RecordIdMode.NONE : RecordIdMode.DERIVED;
    if (mode == RecordIdMode.DERIVED && (jobUid.isEmpty() || sinkUid.isEmpty())) {
      throw new IllegalArgumentException(
          "derived record ids need jobUid and sinkUid, which never change;"
              + " or set recordId to COLUMNS or NONE");
    }
    return new PrismSink<>(
        new Parts<>(
            required("topology", topology),
            required("stream", stream),
            required("serializer", serializer),
            errorHandler,
            mode,
            upsert,
            jobUid,
            sinkUid,
            epoch,
            options));
  }

  private static <V> V required(String name, @Nullable V value) {
    if (value == null || value.equals("")) {
      throw new IllegalArgumentException("PrismSink needs " + name);
    }
    return value;
  }
}
