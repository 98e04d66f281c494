package dev.anabranch.union;

import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Reads one stream from every primary of its group, exactly once into Flink's state. A primary that
 * is down, unknown or removed stops nobody and loses no offset.
 *
 * @param <T> type of the elements
 */
public final class UnionSource<T>
    implements Source<T, UnionSplit, UnionEnumeratorState>, ResultTypeQueryable<T> {
  private static final long serialVersionUID = 1L;

  private final UnionSettings settings;
  private final RecordDeserializer<T> deserializer;

  UnionSource(UnionSettings settings, RecordDeserializer<T> deserializer) {
    this.settings = settings;
    this.deserializer = deserializer;
  }

  /** Starts a builder; a topology, a stream and a deserializer are required. */
  public static UnionSourceBuilder<?> builder() {
    return new UnionSourceBuilder<>();
  }

  @Override
  public Boundedness getBoundedness() {
    return settings.isBounded() ? Boundedness.BOUNDED : Boundedness.CONTINUOUS_UNBOUNDED;
  }

  @Override
  public SplitEnumerator<UnionSplit, UnionEnumeratorState> createEnumerator(
      SplitEnumeratorContext<UnionSplit> context) {
    return new UnionEnumerator(
        context,
        settings,
        ledger(new LogLedger(settings.start(), settings.outOfRange(), System.currentTimeMillis())),
        outages(Map.of()),
        Surroundings.REAL);
  }

  @Override
  public SplitEnumerator<UnionSplit, UnionEnumeratorState> restoreEnumerator(
      SplitEnumeratorContext<UnionSplit> context, UnionEnumeratorState state) {
    return new UnionEnumerator(
        context,
        settings,
        ledger(new LogLedger(settings.start(), settings.outOfRange(), state)),
        outages(state.outages()),
        Surroundings.REAL);
  }

  private LogLedger ledger(LogLedger ledger) {
    return settings.isBounded() ? ledger.awaitingTopics() : ledger;
  }

  private OutageBook outages(Map<String, UnionEnumeratorState.Outage> restored) {
    return new OutageBook(settings.watermarkMode().maxHold(), restored);
  }

  @Override
  public SourceReader<T, UnionSplit> createReader(SourceReaderContext context) throws Exception {
    deserializer.open(new ReaderInitialization(context));
    return new UnionReader<>(context, settings, deserializer, Surroundings.REAL);
  }

  @Override
  public SimpleVersionedSerializer<UnionSplit> getSplitSerializer() {
    return new UnionSplitSerializer();
  }

  @Override
  public SimpleVersionedSerializer<UnionEnumeratorState> getEnumeratorCheckpointSerializer() {
    return new UnionEnumeratorStateSerializer();
  }

  @Override
  public TypeInformation<T> getProducedType() {
    return deserializer.getProducedType();
  }
}
