package dev.anabranch.union;

import dev.anabranch.union.HandedOver.Batch;
import dev.anabranch.union.HandedOver.ClusterGone;
import dev.anabranch.union.HandedOver.Fatal;
import dev.anabranch.union.HandedOver.Fetched;
import dev.anabranch.union.HandedOver.Gap;
import dev.anabranch.union.HandedOver.PrimaryNews;
import dev.anabranch.union.HandedOver.SplitNews;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.metrics.Counter;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Emits what fetchers hand over, one record a call, and keeps the offsets. Everything here runs on
 * the task thread and never blocks.
 */
final class UnionReader<T> implements SourceReader<T, UnionSplit> {
  private static final Logger LOG = LoggerFactory.getLogger(UnionReader.class);

  private final SourceReaderContext context;
  private final UnionSettings settings;
  private final RecordDeserializer<T> deserializer;
  private final Handover handover = new Handover();
  private final Map<String, SplitState> splits = new LinkedHashMap<>();
  private final Map<String, PrimaryFetcher> fetchers = new HashMap<>();
  private final Counter recordsIn;
  private final Emitter emitter = new Emitter();
  private @Nullable TopologyEvent topology;
  private @Nullable Fetched fetched;
  private Iterator<Batch> batches = List.<Batch>of().iterator();
  private @Nullable Batch batch;
  private @Nullable SplitState batchSplit;
  private Iterator<ConsumerRecord<byte[], byte[]>> records =
      List.<ConsumerRecord<byte[], byte[]>>of().iterator();
  private boolean noMoreSplits;

  UnionReader(
      SourceReaderContext context, UnionSettings settings, RecordDeserializer<T> deserializer) {
    this.context = context;
    this.settings = settings;
    this.deserializer = deserializer;
    this.recordsIn = context.metricGroup().getIOMetricGroup().getNumRecordsInCounter();
  }

  @Override
  public void start() {
    context.sendSourceEventToCoordinator(new ReaderReport(splits.keySet()));
  }

  @Override
  public InputStatus pollNext(ReaderOutput<T> output) throws Exception {
    while (true) {
      if (emitOne(output)) {
        return InputStatus.MORE_AVAILABLE;
      }
      HandedOver item = handover.poll();
      if (item == null) {
        return isAtEnd() ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
      }
      take(item, output);
    }
  }

  /** Emits the next record of the batch at hand; false when there is none. */
  private boolean emitOne(ReaderOutput<T> output) throws Exception {
    while (batch != null) {
      SplitState split = batchSplit;
      while (split != null && records.hasNext()) {
        ConsumerRecord<byte[], byte[]> record = records.next();
        if (record.offset() >= split.nextOffset() && record.offset() < split.stopOffset()) {
          recordsIn.inc();
          emitter.to(output.createOutputForSplit(split.splitId()), record.timestamp());
          deserializer.deserialize(split.convert(record), emitter);
          split.emitted(record.offset(), record.timestamp());
          return true;
        }
      }
      if (split != null) {
        split.moveTo(batch.nextOffset(), batch.leaderEpoch());
        if (split.isFinished()) {
          output.releaseOutputForSplit(split.splitId());
        }
      }
      nextBatch();
    }
    return false;
  }

  private void nextBatch() {
    if (batches.hasNext()) {
      batch = batches.next();
      records = batch.records().iterator();
      batchSplit = expected(batch);
    } else {
      batch = null;
      batchSplit = null;
      if (fetched != null) {
        fetched.permits().release();
        fetched = null;
      }
    }
  }

  /** The split that a batch belongs to, or null where the batch is of an older order. */
  private @Nullable SplitState expected(Batch next) {
    SplitState split = splits.get(next.splitId());
    if (split == null || split.attempt() != next.attempt()) {
      return null;
    }
    if (next.fromOffset() > split.nextOffset()) {
      throw new IllegalStateException(
          "records of "
              + next.splitId()
              + " between "
              + split.nextOffset()
              + " and "
              + next.fromOffset()
              + " were never handed over; restarting from the last checkpoint reads them");
    }
    return split;
  }

  private void take(HandedOver item, ReaderOutput<T> output) throws Exception {
    if (item instanceof Fetched next) {
      fetched = next;
      batches = next.batches().iterator();
      nextBatch();
    } else if (item instanceof SplitNews news) {
      take(news, output);
    } else if (item instanceof PrimaryNews news) {
      LOG.debug("primary {} up={} {}", news.primary(), news.up(), news.detail());
    } else if (item instanceof ClusterGone gone) {
      SplitState split = splits.get(gone.splitId());
      if (split != null && split.lost() == null) {
        lose(split, LossReport.Kind.CLUSTER_REPLACED, split.parked(), output);
      }
    } else if (item instanceof Fatal fatal) {
      throw new IOException("a fetcher of stream " + settings.stream() + " died", fatal.cause());
    }
  }

  private void take(SplitNews news, ReaderOutput<T> output) throws Exception {
    SplitState split = splits.get(news.splitId());
    if (split == null || split.attempt() != news.attempt()) {
      return;
    }
    Gap gap = news.gap();
    String route = split.route();
    if (gap != null) {
      jump(split, gap, news.detail(), output);
    } else if (news.verdict() == Verdict.TOPIC_REPLACED) {
      lose(split, LossReport.Kind.TOPIC_REPLACED, news.detail(), output);
    } else if (news.verdict() == Verdict.READABLE || news.verdict() == Verdict.DONE) {
      split.parked("");
      if (route != null) {
        split.foundOn(route);
      }
    } else {
      split.parked(route + ": " + news.detail());
      LOG.warn("Split {} is parked: {}", split.splitId(), split.parked());
    }
  }

  /** The log is there, but not at our offset. */
  private void jump(SplitState split, Gap gap, String detail, ReaderOutput<T> output)
      throws Exception {
    long from = Math.max(gap.fromOffset(), split.reportedTo());
    if (gap.toOffset() > from) {
      split.reportedTo(gap.kind() == LossReport.Kind.DELETED ? gap.toOffset() : -1);
      report(
          split,
          new LossReport(gap.kind(), split.currentOrigin(), from, gap.toOffset(), detail),
          output);
    }
    if (settings.outOfRange().readsOn()) {
      split.moveTo(gap.resumeAt(), UnionSplit.NO_EPOCH);
    } else {
      park(split, gap.kind(), detail, output);
    }
  }

  /** The log itself is gone. */
  private void lose(SplitState split, LossReport.Kind kind, String detail, ReaderOutput<T> output)
      throws Exception {
    if (split.isFinished()) {
      return;
    }
    report(
        split,
        new LossReport(kind, split.currentOrigin(), split.nextOffset(), LossReport.UNKNOWN, detail),
        output);
    park(split, kind, detail, output);
  }

  private void report(SplitState split, LossReport loss, ReaderOutput<T> output) throws Exception {
    LOG.error("Records lost, policy {}: {}", settings.outOfRange(), loss);
    if (settings.outOfRange().failsJob()) {
      throw new LostRecordsException(loss);
    }
    emitter.to(output.createOutputForSplit(split.splitId()), Long.MIN_VALUE);
    deserializer.onLoss(loss, emitter);
  }

  private void park(SplitState split, LossReport.Kind kind, String detail, ReaderOutput<T> output) {
    split.lost(kind);
    split.parked(detail);
    stopFetching(split);
    output.releaseOutputForSplit(split.splitId());
    if (kind == LossReport.Kind.TOPIC_REPLACED && settings.outOfRange().readsOn()) {
      // A topic id never comes back, and its successor has splits of its own.
      splits.remove(split.splitId());
    }
  }

  private boolean isAtEnd() {
    return noMoreSplits
        && splits.values().stream()
            .allMatch(
                split ->
                    split.isFinished()
                        || (split.lost() != null && settings.outOfRange().readsOn()));
  }

  @Override
  public CompletableFuture<Void> isAvailable() {
    return batch != null ? CompletableFuture.completedFuture(null) : handover.available();
  }

  @Override
  public List<UnionSplit> snapshotState(long checkpointId) {
    return splits.values().stream().map(SplitState::toSplit).toList();
  }

  @Override
  public void addSplits(List<UnionSplit> added) {
    for (UnionSplit split : added) {
      SplitState state = new SplitState(split);
      if (settings.outOfRange().readsOn()) {
        if (split.lost() == LossReport.Kind.TOPIC_REPLACED) {
          continue;
        }
        if (split.lost() != LossReport.Kind.CLUSTER_REPLACED) {
          state.lost(null);
        }
      }
      splits.putIfAbsent(split.splitId(), state);
    }
    route();
  }

  @Override
  public void handleSourceEvents(SourceEvent event) {
    if (event instanceof TopologyEvent next) {
      topology = next;
      next.view()
          .readable()
          .forEach(
              name -> {
                PrimaryFetcher fetcher = fetchers.get(name);
                if (fetcher != null) {
                  fetcher.reach(next.view().primaries().get(name));
                }
              });
      route();
      for (SplitState split : splits.values()) {
        if (split.lost() == null
            && split.route() == null
            && next.gone().contains(split.log().clusterId())) {
          handover.put(new ClusterGone(split.splitId()));
        }
      }
    } else {
      LOG.warn("Unknown event of the enumerator: {}", event);
    }
  }

  /** Gives each split to the fetcher of the primary that shows its log. */
  private void route() {
    TopologyEvent current = topology;
    if (current == null) {
      return;
    }
    for (SplitState split : splits.values()) {
      if (split.isFinished()) {
        continue;
      }
      if (split.lost() == LossReport.Kind.CLUSTER_REPLACED
          && current.clusters().containsValue(split.log().clusterId())) {
        LOG.info("Kafka cluster {} is back", split.log().clusterId());
        split.lost(null);
      }
      if (split.lost() == null) {
        route(split, SplitRouter.route(split.log().clusterId(), split.primary(), current), current);
      }
    }
  }

  private void route(SplitState split, SplitRouter.Route route, TopologyEvent current) {
    String primary = route.primary();
    if (primary == null) {
      stopFetching(split);
      if (!route.reason().equals(split.parked())) {
        split.parked(route.reason());
        LOG.warn("Split {} is parked: {}", split.splitId(), route.reason());
      }
    } else if (!primary.equals(split.route())) {
      stopFetching(split);
      split.route(primary);
      split.parked("primary " + primary + " has not answered yet");
      fetchers
          .computeIfAbsent(
              primary,
              name -> {
                PrimaryFetcher fetcher =
                    new PrimaryFetcher(
                        name, current.view().primaries().get(name), settings, handover);
                fetcher.start();
                return fetcher;
              })
          .add(split.order());
    }
  }

  private void stopFetching(SplitState split) {
    String route = split.route();
    if (route != null) {
      PrimaryFetcher fetcher = fetchers.get(route);
      if (fetcher != null) {
        fetcher.remove(split.splitId());
      }
      split.route(null);
    }
  }

  @Override
  public void notifyNoMoreSplits() {
    noMoreSplits = true;
    handover.wake();
  }

  @Override
  public void pauseOrResumeSplits(Collection<String> pause, Collection<String> resume) {
    pause.forEach(splitId -> pause(splitId, true));
    resume.forEach(splitId -> pause(splitId, false));
  }

  private void pause(String splitId, boolean paused) {
    SplitState split = splits.get(splitId);
    if (split == null) {
      return;
    }
    split.paused(paused);
    String route = split.route();
    PrimaryFetcher fetcher = route == null ? null : fetchers.get(route);
    if (fetcher != null) {
      fetcher.pause(splitId, paused);
    }
  }

  @Override
  public void close() {
    fetchers.values().forEach(PrimaryFetcher::close);
  }

  /** Gives what the deserializer collects the timestamp of its record. */
  private final class Emitter implements Collector<T> {
    private @Nullable SourceOutput<T> output;
    private long timestampMs;

    void to(SourceOutput<T> target, long timestamp) {
      output = target;
      timestampMs = timestamp;
    }

    @Override
    public void collect(T element) {
      SourceOutput<T> target = output;
      if (target == null) {
        throw new IllegalStateException("a deserializer may only collect while it is called");
      }
      if (timestampMs == Long.MIN_VALUE) {
        target.collect(element);
      } else {
        target.collect(element, timestampMs);
      }
    }

    @Override
    public void close() {}
  }
}
