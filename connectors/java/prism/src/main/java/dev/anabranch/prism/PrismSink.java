package dev.anabranch.prism;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.SupportsWriterState;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.connector.sink2.SupportsPreWriteTopology;
import org.apache.flink.streaming.api.datastream.DataStream;

/**
 * Writes a stream to whichever primaries of its group work. A checkpoint completes only when every
 * record before it is acknowledged by as many primaries as the stream wants copies.
 *
 * @param <T> type of the elements
 */
public final class PrismSink<T>
    implements Sink<T>, SupportsWriterState<T, VersionFloor>, SupportsPreWriteTopology<T> {
  private static final long serialVersionUID = 1L;

  private final PrismSinkBuilder.Parts<T> parts;

  PrismSink(PrismSinkBuilder.Parts<T> parts) {
    this.parts = parts;
  }

  /** A builder; topology, stream and serializer are required. */
  public static <T> PrismSinkBuilder<T> builder() {
    return new PrismSinkBuilder<>();
  }

  String topology() {
    return parts.topology();
  }

  String stream() {
    return parts.stream();
  }

  /** Whose records an operator is told about. */
  String name() {
    String sink = parts.sinkUid().isEmpty() ? "" : " (sink-uid " + parts.sinkUid() + ")";
    return "stream " + parts.stream() + sink;
  }

  /** Whether a row has its id of what it was made of; of upserts the version counts, not the id. */
  boolean hasIdsOfInputs() {
    return !parts.upsert() && parts.recordId() != RecordIdMode.NONE;
  }

  RecordSerializer<T> serializer() {
    return parts.serializer();
  }

  RecordErrorHandler<T> errorHandler() {
    return parts.errorHandler();
  }

  PrismOptions options() {
    return parts.options();
  }

  /** Checks time limits; brings all versions of a key of an upsert to one writer. */
  @Override
  public DataStream<T> addPreWriteTopology(DataStream<T> input) {
    CheckpointLimits.check(
        parts.stream(), "max-block", parts.options().maxBlock(), input.getExecutionEnvironment());
    if (!parts.upsert()) {
      return input;
    }
    // Only the exchange is wanted, not the keyed state that a KeyedStream would bring with it.
    return new DataStream<>(
        input.getExecutionEnvironment(),
        input.keyBy(new KeyHash<>(parts.serializer()), Types.INT).getTransformation());
  }

  @Override
  public StatefulSinkWriter<T, VersionFloor> createWriter(WriterInitContext context)
      throws IOException {
    return new PrismWriter<>(this, context, List.of());
  }

  @Override
  public StatefulSinkWriter<T, VersionFloor> restoreWriter(
      WriterInitContext context, Collection<VersionFloor> restored) throws IOException {
    return new PrismWriter<>(this, context, restored);
  }

  @Override
  public SimpleVersionedSerializer<VersionFloor> getWriterStateSerializer() {
    return new VersionFloorSerializer();
  }

  RecordStamp newStamp(WriterInitContext context, Collection<VersionFloor> restored) {
    OutputIds ids = new OutputIds(parts.recordId(), parts.jobUid(), parts.sinkUid());
    if (!parts.upsert()) {
      return new RecordStamp(ids, parts.epoch(), null, 0);
    }
    TaskInfo task = context.getTaskInfo();
    int writers = task.getNumberOfParallelSubtasks();
    // State is dealt out element by element: with as many elements as there can be writers, each
    // writer of a larger job gets one too.
    int copies = (task.getMaxNumberOfParallelSubtasks() + writers - 1) / writers;
    return new RecordStamp(
        ids, parts.epoch(), new VersionClock(System::currentTimeMillis, restored), copies);
  }
}
