package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import dev.anabranch.union.HandedOver.Batch;
import dev.anabranch.union.HandedOver.ClusterGone;
import dev.anabranch.union.HandedOver.EndsSeen;
import dev.anabranch.union.HandedOver.Fatal;
import dev.anabranch.union.HandedOver.Fetched;
import dev.anabranch.union.HandedOver.OutputCheck;
import dev.anabranch.union.HandedOver.PrimaryNews;
import dev.anabranch.union.HandedOver.SplitNews;
import java.io.IOException;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Emits what fetchers hand over, one record a call. Everything here runs on the task thread and
 * never blocks; what is decided, {@link SplitBoard} decides.
 */
final class UnionReader<T> implements SourceReader<T, UnionSplit> {
  private static final Logger LOG = LoggerFactory.getLogger(UnionReader.class);
  private static final CompletableFuture<Void> AVAILABLE = CompletableFuture.completedFuture(null);

  private final SourceReaderContext context;
  private final UnionSettings settings;
  private final Surroundings around;
  private final RecordDeserializer<T> deserializer;
  private final boolean readsHeaders;
  private final Handover handover = new Handover();
  private final UnionReaderMetrics metrics;
  private final FetcherPool fetchers;
  private final SplitBoard board;
  private final CheckpointOffsets checkpoints = new CheckpointOffsets();
  private final StallClock stalls;
  private final WatermarkGate<T> gate;
  private final AtomicBoolean checkQueued = new AtomicBoolean();
  private volatile boolean recallDue;
  private final TimestampedCollector<T> collector = new TimestampedCollector<>();
  private @Nullable Ticker ticker;
  private @Nullable Fetched fetched;
  private @Nullable Batch batch;
  private @Nullable SplitState split;
  private Iterator<Batch> batches = List.<Batch>of().iterator();
  private Iterator<ConsumerRecord<byte[], byte[]>> records =
      List.<ConsumerRecord<byte[], byte[]>>of().iterator();
  private long timestampMs;
  private boolean noMoreSplits;
  private boolean ended;

  UnionReader(
      SourceReaderContext context,
      UnionSettings settings,
      RecordDeserializer<T> deserializer,
      Surroundings around) {
    this.context = context;
    this.settings = settings;
    this.around = around;
    this.deserializer = deserializer;
    this.readsHeaders = deserializer.readsHeaders();
    this.metrics = new UnionReaderMetrics(context.metricGroup(), this::visibleSplits);
    this.fetchers = new FetcherPool(settings, handover, metrics, around);
    this.board = new SplitBoard(settings.outOfRange(), fetchers);
    this.gate =
        new WatermarkGate<>(
            settings.watermarkMode(),
            board,
            handover.answers(),
            context::sendSourceEventToCoordinator);
    this.stalls = new StallClock(settings.boundedDeadline());
  }

  private List<SplitState> visibleSplits() {
    return board.visible();
  }

  @Override
  public void start() {
    if (settings.isBounded() || settings.watermarkMode().isManaged()) {
      ticker = Ticker.start(this::tick);
    }
    // Before any record: the watermark must not move before it is known who is waited for.
    queueCheck();
    context.sendSourceEventToCoordinator(new ReaderReport(board.splitIds()));
  }

  /** On the ticker's thread. */
  private void tick(boolean stoodStill) {
    recallDue = true;
    if (settings.watermarkMode().isManaged() && !stoodStill) {
      queueCheck();
    }
    handover.wake();
  }

  /** Behind what is in the queue, so that a split with records there is not taken for silent. */
  private void queueCheck() {
    if (checkQueued.compareAndSet(false, true)) {
      handover.put(new OutputCheck(around.nanoTime()));
    }
  }

  @Override
  public InputStatus pollNext(ReaderOutput<T> output) throws Exception {
    if (recallDue) {
      recallDue = false;
      gate.recall(output, around.nanoTime());
    }
    while (true) {
      if (batch != null && emitOne(output)) {
        return InputStatus.MORE_AVAILABLE;
      }
      HandedOver item = handover.poll();
      if (item == null) {
        return atRest();
      }
      take(item, output);
    }
  }

  private InputStatus atRest() {
    if (!settings.isBounded()) {
      return InputStatus.NOTHING_AVAILABLE;
    }
    if (noMoreSplits && board.isAtEnd()) {
      ended = true;
      return InputStatus.END_OF_INPUT;
    }
    List<SplitState> overdue = stalls.overdue(board.visible(), metrics.down(), around.nanoTime());
    if (!overdue.isEmpty()) {
      Map<String, String> reasons = SplitBoard.reasons(overdue, metrics.troubles());
      throw new UnreachablePrimariesException(
          settings.stream(), reasons.keySet(), settings.boundedDeadline(), reasons);
    }
    return InputStatus.NOTHING_AVAILABLE;
  }

  /** Emits the next record of what is at hand; false when there is none. */
  private boolean emitOne(ReaderOutput<T> output) throws Exception {
    while (batch != null) {
      // Ordered anew between two records, it is read from the next one on; the rest comes again.
      SplitState current = split != null && split.attempt() == batch.attempt() ? split : null;
      while (current != null && records.hasNext()) {
        ConsumerRecord<byte[], byte[]> record = records.next();
        long offset = record.offset();
        if (offset >= current.nextOffset() && offset < current.stopOffset()) {
          RecordConverter converter = current.converter();
          RawRecord raw =
              readsHeaders ? converter.convert(record) : converter.withoutHeaders(record);
          metrics.read(raw, readsHeaders);
          timestampMs = record.timestamp();
          collector.timestamp(timestampMs);
          deserializer.deserialize(raw, collector);
          int epoch = record.leaderEpoch().orElse(UnionSplit.NO_EPOCH);
          current.emitted(offset, epoch, timestampMs);
          return true;
        }
      }
      if (current != null) {
        current.batchEmitted(batch.nextOffset(), batch.leaderEpoch(), timestampMs);
        metrics.primary(current.primary()).records().inc(batch.records().size());
        gate.keep(current.splitId(), output);
      }
      nextBatch(output);
    }
    return false;
  }

  private void nextBatch(ReaderOutput<T> output) {
    if (batches.hasNext()) {
      Batch next = batches.next();
      batch = next;
      records = next.records().iterator();
      timestampMs = PrimaryMetrics.UNKNOWN;
      split = board.expect(next);
      if (split != null) {
        collector.output(gate.open(next.splitId(), output));
      }
    } else {
      batch = null;
      split = null;
      if (fetched != null) {
        fetched.permits().release();
        fetched = null;
      }
    }
  }

  private void take(HandedOver item, ReaderOutput<T> output) throws Exception {
    if (item instanceof Fetched next) {
      fetched = next;
      batches = next.batches().iterator();
      nextBatch(output);
    } else if (item instanceof PrimaryNews news) {
      metrics.primary(news.primary()).up(news.up(), news.detail());
    } else if (item instanceof SplitNews news) {
      report(board.take(news), news.splitId(), output);
    } else if (item instanceof ClusterGone gone) {
      report(board.clusterGone(gone.splitId()), gone.splitId(), output);
    } else if (item instanceof OutputCheck check) {
      checkQueued.set(false);
      gate.check(output, check.queuedNanos(), around.nanoTime());
    } else if (item instanceof EndsSeen seen) {
      gate.heard(seen);
    } else if (item instanceof Fatal fatal) {
      throw new IOException("a fetcher of stream " + settings.stream() + " died", fatal.cause());
    }
  }

  private void report(@Nullable LossReport loss, String splitId, ReaderOutput<T> output)
      throws Exception {
    if (loss != null) {
      LOG.error("Records lost, policy {}: {}", settings.outOfRange(), loss);
      if (settings.outOfRange().failsJob()) {
        throw new LostRecordsException(loss);
      }
      metrics.primary(loss.origin().primary()).lost(loss);
      collector.output(gate.open(splitId, output));
      collector.noTimestamp();
      deserializer.onLoss(loss, collector);
    }
    gate.keep(splitId, output);
  }

  @Override
  public CompletableFuture<Void> isAvailable() {
    return batch != null ? AVAILABLE : handover.available();
  }

  @Override
  public List<UnionSplit> snapshotState(long checkpointId) {
    if (settings.groupId() != null) {
      checkpoints.taken(checkpointId, board.visible());
    }
    return board.snapshot();
  }

  @Override
  public void notifyCheckpointComplete(long checkpointId) {
    checkpoints.completed(checkpointId).forEach(fetchers::commit);
  }

  @Override
  public void notifyCheckpointAborted(long checkpointId) {
    checkpoints.aborted(checkpointId);
  }

  @Override
  public void addSplits(List<UnionSplit> added) {
    // Splits of a task that failed come after the news that their cluster is gone.
    board
        .add(added.stream().map(split -> split.under(settings.isBounded())).toList())
        .forEach(splitId -> handover.put(new ClusterGone(splitId)));
    // Also where the primary is gone, and so never heard of: its parked splits are to be seen.
    added.forEach(split -> metrics.primary(split.primary()));
    gate.added(added);
    queueCheck();
  }

  @Override
  public void handleSourceEvents(SourceEvent event) {
    if (event instanceof TopologyEvent next) {
      metrics.follow(next.view());
      board.follow(next).forEach(splitId -> handover.put(new ClusterGone(splitId)));
      queueCheck();
    } else if (event instanceof HoldEvent next) {
      gate.follow(next);
      queueCheck();
    } else {
      LOG.warn("Unknown event of the enumerator: {}", event);
    }
  }

  @Override
  public void notifyNoMoreSplits() {
    noMoreSplits = true;
    handover.wake();
  }

  @Override
  public void pauseOrResumeSplits(Collection<String> pause, Collection<String> resume) {
    pause.forEach(splitId -> board.pause(splitId, true));
    resume.forEach(splitId -> board.pause(splitId, false));
    queueCheck();
  }

  @Override
  public void close() {
    Ticker running = ticker;
    if (running != null) {
      running.close();
    }
    if (ended) {
      // Those of the last checkpoint, which has just completed: no later one would make up for
      // them.
      fetchers.awaitCommits();
    }
    fetchers.close();
  }
}
