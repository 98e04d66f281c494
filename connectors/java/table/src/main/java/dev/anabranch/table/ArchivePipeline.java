package dev.anabranch.table;

import dev.anabranch.archive.ArchiveSink;
import dev.anabranch.dedup.Dedup;
import dev.anabranch.records.RawRecord;
import dev.anabranch.union.RecordDeserializer;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.streaming.api.datastream.DataStreamSink;
import org.apache.flink.streaming.api.datastream.DataStreamSource;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The operators that archive a stream: source, perhaps one record of each id, then the files. */
final class ArchivePipeline {
  private final UnionSettings settings;

  ArchivePipeline(UnionSettings settings) {
    this.settings = settings;
  }

  void build(StreamExecutionEnvironment env, String place) {
    String stream = settings.stream();
    DataStreamSource<RawRecord> source =
        env.fromSource(
            settings.source(RecordDeserializer.raw(), settings.watermarkMode()),
            WatermarkStrategy.noWatermarks(),
            "union " + stream);
    SingleOutputStreamOperator<RawRecord> records = settle(source, "union");
    if (settings.dedup()) {
      // What is beyond the horizon is archived as well: whether it is a copy can no longer be told.
      records = settle(Dedup.markingLate(records, stream, settings.horizon()), "dedup");
    }
    DataStreamSink<RawRecord> files =
        records.sinkTo(ArchiveSink.of(stream, place)).name("archive " + stream).uid(uid("files"));
    if (settings.parallelism() != null) {
      files.setParallelism(settings.parallelism());
    }
  }

  private SingleOutputStreamOperator<RawRecord> settle(
      SingleOutputStreamOperator<RawRecord> operator, String name) {
    operator.uid(uid(name));
    Integer parallelism = settings.parallelism();
    return parallelism == null ? operator : operator.setParallelism(parallelism);
  }

  /** By which a restore finds the operator's state, whatever else the job does. */
  private String uid(String operator) {
    return "archive-" + settings.stream() + "-" + operator;
  }
}
