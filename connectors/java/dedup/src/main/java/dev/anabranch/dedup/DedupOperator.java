package dev.anabranch.dedup;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/** Lets the first record of each id pass; see {@link Dedup}. */
final class DedupOperator extends HorizonOperator {
  private static final long serialVersionUID = 1L;

  private static final RawHeader LATE_MARK = new RawHeader(Dedup.LATE_HEADER, null);

  private final int cachedBlocks;
  private final boolean marksLate;

  private transient KeyedBlockStore store;
  private transient BlockCache cache;
  private transient Counter duplicates;
  private transient Counter late;
  private transient Counter foreign;

  DedupOperator(DedupOptions options) {
    this(options, false);
  }

  /**
   * @param marksLate whether late records stay in the stream; else they go to the side output
   */
  DedupOperator(DedupOptions options, boolean marksLate) {
    super(options.horizon().toMillis());
    this.cachedBlocks = options.cachedBlocks();
    this.marksLate = marksLate;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    store =
        new KeyedBlockStore(
            getKeyedStateBackend(),
            context
                .getKeyedStateStore()
                .getState(new ValueStateDescriptor<>("blocks", new CompactBytesSerializer())),
            this::expireAfter);
    cache = new BlockCache(cachedBlocks, store);
  }

  @Override
  public void open() throws Exception {
    super.open();
    MetricGroup metrics = getMetricGroup();
    duplicates = metrics.counter("duplicates");
    late = metrics.counter("late");
    foreign = metrics.counter("foreign");
    metrics.gauge("cachedBlocks", cache::size);
  }

  @Override
  public void processElement(StreamRecord<RawRecord> element) throws Exception {
    RawRecord record = element.getValue();
    long timestampMs = clock().timeOf(record);
    if (record.foreign()) {
      foreign.inc();
    }
    advanceTo(timestampMs);
    if (clock().isLate(timestampMs)) {
      late.inc();
      if (marksLate) {
        output.collect(element.replace(record.with(LATE_MARK)));
      } else {
        output.collect(Dedup.LATE, element);
      }
      return;
    }
    RecordId id = record.id();
    Block block = cache.get(BlockLayout.keyOf(id));
    if (block.add(BlockLayout.indexOf(id.low()), timestampMs)) {
      output.collect(element);
    } else {
      duplicates.inc();
    }
  }

  /** Before {@link #snapshotState}, because timers on the heap are written ahead of that. */
  @Override
  public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
    cache.flush();
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    cache.flush();
  }

  /** Forgets a block, or sets its timer again if it was used since. */
  @Override
  public void onEventTime(InternalTimer<StateKey, VoidNamespace> timer) throws Exception {
    StateKey key = timer.getKey();
    Block block = cache.peek(key);
    if (block == null) {
      block = store.read(key);
    }
    if (block == null) {
      return;
    }
    if (isPast(block.minute())) {
      cache.forget(key);
      store.clear(key);
    } else {
      expireAfter(block.minute());
    }
  }
}
