package dev.anabranch.table;

import dev.anabranch.dedup.Dedup;
import dev.anabranch.dedup.LatestByVersion;
import dev.anabranch.prism.CheckpointLimits;
import dev.anabranch.records.RawRecord;
import dev.anabranch.table.deadletter.BadRecordPolicy;
import dev.anabranch.table.deadletter.DeadLetterStream;
import dev.anabranch.table.deadletter.FailJob;
import dev.anabranch.table.decode.DecodeOperator;
import dev.anabranch.table.decode.RawWithLosses;
import dev.anabranch.table.decode.RowDecoder;
import dev.anabranch.union.RecordDeserializer;
import dev.anabranch.union.UnionSource;
import dev.anabranch.union.WatermarkMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.data.RowData;
import org.jspecify.annotations.Nullable;

/**
 * The operators behind a union table: source, then one record of each id or of each key, then
 * decoding.
 */
final class UnionPipeline {
  private final UnionSettings settings;
  private final RowDecoder decoder;
  private final TypeInformation<RowData> rowType;
  private final boolean sourceWatermark;

  UnionPipeline(
      UnionSettings settings,
      RowDecoder decoder,
      TypeInformation<RowData> rowType,
      boolean sourceWatermark) {
    this.settings = settings;
    this.decoder = decoder;
    this.rowType = rowType;
    this.sourceWatermark = sourceWatermark;
  }

  DataStream<RowData> build(ProviderContext provider, StreamExecutionEnvironment env) {
    // SOURCE_WATERMARK() is that of the records' own timestamps.
    UnionSource<RawRecord> source =
        settings.source(records(), settings.watermarkMode().byRecordTime());
    SingleOutputStreamOperator<RawRecord> raw =
        env.fromSource(source, watermarks(), "union " + settings.stream());
    settle(raw, provider, "union");
    if (settings.testingDropShare() > 0) {
      raw = settle(raw.filter(new LoseSome(settings.testingDropShare())), provider, "lose-some");
    }
    DecodeOperator decode =
        new DecodeOperator(settings.stream(), decoder, badRecords(env), lateRecords(env));
    return settle(
        distinct(raw, provider).transform("decode " + settings.stream(), rowType, decode),
        provider,
        "decode");
  }

  private DataStream<RawRecord> distinct(
      SingleOutputStreamOperator<RawRecord> raw, ProviderContext provider) {
    if (settings.upsert()) {
      return settle(LatestByVersion.by(raw, settings.horizon()), provider, "latest-by-version");
    }
    if (settings.dedup()) {
      return settle(
          Dedup.markingLate(raw, settings.stream(), settings.horizon()), provider, "dedup");
    }
    // Only behind an exchange is the watermark that of all subtasks, by which windows go.
    return settings.lateRecords() == null
        ? raw
        : raw.partitionCustom(Math::floorMod, record -> record.origin().hashCode());
  }

  /** Losses become dead letters where there is a stream for them; the source logs them anyway. */
  private RecordDeserializer<RawRecord> records() {
    return settings.deadLetters() == null ? RecordDeserializer.raw() : new RawWithLosses();
  }

  private WatermarkStrategy<RawRecord> watermarks() {
    if (!sourceWatermark) {
      return WatermarkStrategy.noWatermarks();
    }
    WatermarkStrategy<RawRecord> strategy =
        WatermarkStrategy.forBoundedOutOfOrderness(settings.watermarkDelay());
    boolean left = settings.watermarkMode().kind() == WatermarkMode.Kind.STRATEGY;
    return !left || settings.watermarkIdleTimeout().isZero()
        ? strategy
        : strategy.withIdleness(settings.watermarkIdleTimeout());
  }

  /** A checkpoint waits for the letters before it, and must not end before that does. */
  private BadRecordPolicy badRecords(StreamExecutionEnvironment env) {
    String deadLetters = settings.deadLetters();
    if (deadLetters == null) {
      return new FailJob();
    }
    return letters(deadLetters, env);
  }

  private @Nullable BadRecordPolicy lateRecords(StreamExecutionEnvironment env) {
    String late = settings.lateRecords();
    return late == null ? null : letters(late, env);
  }

  private DeadLetterStream letters(String stream, StreamExecutionEnvironment env) {
    CheckpointLimits.check(
        stream,
        UnionOptions.DEAD_LETTERS_MAX_BLOCK.key(),
        settings.letterOptions().maxBlock(),
        env);
    return new DeadLetterStream(
        settings.topology(), stream, settings.deadLettersMaxValueBytes(), settings.letterOptions());
  }

  /** Gives an operator its parallelism, and a uid by which a restore finds its state. */
  private <T> SingleOutputStreamOperator<T> settle(
      SingleOutputStreamOperator<T> operator, ProviderContext provider, String name) {
    provider.generateUid(name).ifPresent(operator::uid);
    Integer parallelism = settings.parallelism();
    return parallelism == null ? operator : operator.setParallelism(parallelism);
  }
}
