package dev.anabranch.archive;

import dev.anabranch.records.RawRecord;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Collection;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileWriter;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.SupportsWriterState;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.connector.file.sink.writer.FileWriterBucketState;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.formats.avro.AvroWriterFactory;
import org.apache.flink.streaming.api.functions.sink.filesystem.OutputFileConfig;

/**
 * Archives raw records by Flink's file sink: Avro object-container files of the schema {@code
 * archived_record.avsc}, in a bucket for each stream and hour.
 *
 * <p>Every record is in the files exactly once, as often as the job fails and goes on from its
 * checkpoint. Files become visible when the checkpoint after their last record is complete; none is
 * open beyond a checkpoint.
 */
public final class ArchiveSink
    implements Sink<RawRecord>,
        SupportsWriterState<RawRecord, FileWriterBucketState>,
        SupportsCommitter<FileSinkCommittable> {
  private static final long serialVersionUID = 1L;

  /** How the name of a file begins; Flink adds a random id of its writer and a number. */
  private static final String PREFIX = "records";

  private static final String SUFFIX = ".avro";

  // Every reader has deflate; zstd would be one package more for many.
  private static final int DEFLATE_LEVEL = 1;

  private final FileSink<RawRecord> files;

  private ArchiveSink(FileSink<RawRecord> files) {
    this.files = files;
  }

  /**
   * A sink for the raw records of one stream.
   *
   * @param stream its name in the topology document
   * @param place folder of the archive, on any of Flink's file systems that has a recoverable
   *     writer
   */
  public static ArchiveSink of(String stream, String place) {
    return of(stream, place, RollAtCheckpoint.MAX_BYTES);
  }

  /** The same, with another size of a full file. */
  static ArchiveSink of(String stream, String place, long maxBytes) {
    return new ArchiveSink(
        FileSink.forBulkFormat(new Path(place), new AvroWriterFactory<>(out -> open(stream, out)))
            .withBucketAssigner(new HourOfRecord(stream))
            .withRollingPolicy(new RollAtCheckpoint(maxBytes))
            .withOutputFileConfig(new OutputFileConfig(PREFIX, SUFFIX))
            .build());
  }

  private static DataFileWriter<RawRecord> open(String stream, OutputStream out)
      throws IOException {
    return new DataFileWriter<>(new ArchivedRecordWriter(stream))
        .setCodec(CodecFactory.deflateCodec(DEFLATE_LEVEL))
        .create(ArchivedRecordWriter.SCHEMA, out);
  }

  @Override
  public SinkWriter<RawRecord> createWriter(WriterInitContext context) throws IOException {
    return files.createWriter(context);
  }

  @Override
  public StatefulSinkWriter<RawRecord, FileWriterBucketState> restoreWriter(
      WriterInitContext context, Collection<FileWriterBucketState> states) throws IOException {
    return files.restoreWriter(context, states);
  }

  @Override
  public SimpleVersionedSerializer<FileWriterBucketState> getWriterStateSerializer() {
    return new LaterSerializer<>(files::getWriterStateSerializer);
  }

  @Override
  public Committer<FileSinkCommittable> createCommitter(CommitterInitContext context)
      throws IOException {
    return files.createCommitter(context);
  }

  @Override
  public SimpleVersionedSerializer<FileSinkCommittable> getCommittableSerializer() {
    return new LaterSerializer<>(files::getCommittableSerializer);
  }
}
