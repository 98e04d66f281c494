package dev.anabranch.dedup;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordSerializer;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.storage.FileSystemCheckpointStorage;
import org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackend;
import org.apache.flink.state.rocksdb.RocksDBConfigurableOptions;
import org.apache.flink.state.rocksdb.RocksDBKeyedStateBackend;
import org.apache.flink.state.rocksdb.RocksDBKeyedStateBackend.RocksDbKvStateInfo;
import org.apache.flink.state.rocksdb.RocksDBOptions;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDB;

/** One subtask of dedup on RocksDB, as Flink sets it up, with incremental checkpoints to files. */
final class BenchState implements AutoCloseable {
  /** A TaskManager's managed memory for a slot; Flink's default process size gives about twice. */
  private static final MemorySize ROCKSDB_MEMORY = MemorySize.ofMebiBytes(256);

  private static final int MAX_PARALLELISM = 128;

  private final KeyedOneInputStreamOperatorTestHarness<StateKey, RawRecord, RawRecord> harness;
  private final OneInputStreamOperator<RawRecord, RawRecord> operator;
  private final BenchOutput output = new BenchOutput();
  private long checkpoints;
  private long checkpointBytes;

  BenchState(Path directory) throws Exception {
    Path local = Files.createDirectories(directory.resolve("local"));
    Path remote = Files.createDirectories(directory.resolve("checkpoints"));
    Configuration configuration = new Configuration();
    configuration.set(RocksDBOptions.FIX_PER_SLOT_MEMORY_SIZE, ROCKSDB_MEMORY);
    // Most looks at the state are for blocks that are not there yet: a filter halves their cost.
    configuration.set(RocksDBConfigurableOptions.USE_BLOOM_FILTER, true);
    // Whole filters are megabytes each: where they outgrow the cache, every look reads one anew.
    configuration.set(RocksDBOptions.USE_PARTITIONED_INDEX_FILTERS, true);
    EmbeddedRocksDBStateBackend backend =
        new EmbeddedRocksDBStateBackend(true).configure(configuration, getClass().getClassLoader());
    backend.setDbStoragePath(local.toString());
    harness =
        new KeyedOneInputStreamOperatorTestHarness<>(
            new DedupOperator(DedupOptions.defaults()),
            record -> BlockLayout.keyOf(record.id()),
            StateKeyTypeInfo.INSTANCE,
            MAX_PARALLELISM,
            1,
            0);
    harness.setStateBackend(backend);
    harness.setCheckpointStorage(new FileSystemCheckpointStorage(remote.toUri()));
    harness.setOutputCreator(serializer -> output);
    harness.setup(new RawRecordSerializer());
    harness.setProcessingTime(Long.MAX_VALUE);
    harness.open();
    operator = harness.getOneInputOperator();
  }

  void process(StreamRecord<RawRecord> element) throws Exception {
    operator.processElement(element);
  }

  void checkpoint() throws Exception {
    long id = ++checkpoints;
    harness.prepareSnapshotPreBarrier(id);
    OperatorSubtaskState state = harness.snapshot(id, id);
    harness.notifyOfCompletedCheckpoint(id);
    checkpointBytes = state.getStateSize();
  }

  long passed() {
    return output.records();
  }

  /**
   * Bytes of state.
   *
   * @param blocks live files of the blocks, compacted
   * @param timers live files of their timers, compacted
   * @param checkpoint the last checkpoint with all files it refers to, as it was
   */
  record Sizes(long blocks, long timers, long checkpoint) {}

  /** Compacts, so that what is measured is what has to be kept, and not RocksDB's mood. */
  Sizes sizes() throws Exception {
    var backend =
        (RocksDBKeyedStateBackend<?>)
            (Object) harness.getOperator().<StateKey>getKeyedStateBackend();
    RocksDB db = (RocksDB) field(backend, "db");
    @SuppressWarnings("unchecked")
    var states = (Map<String, RocksDbKvStateInfo>) field(backend, "kvStateInformation");
    long blocks = 0;
    long timers = 0;
    for (var state : states.entrySet()) {
      ColumnFamilyHandle family = state.getValue().columnFamilyHandle;
      db.compactRange(family);
      long bytes = Long.parseLong(db.getProperty(family, "rocksdb.live-sst-files-size"));
      if (state.getKey().equals("blocks")) {
        blocks += bytes;
      } else {
        timers += bytes;
      }
    }
    return new Sizes(blocks, timers, checkpointBytes);
  }

  private static Object field(Object owner, String name) throws ReflectiveOperationException {
    Field field = RocksDBKeyedStateBackend.class.getDeclaredField(name);
    field.setAccessible(true);
    return field.get(owner);
  }

  @Override
  public void close() {
    try {
      harness.close();
    } catch (Exception e) {
      throw new IllegalStateException("the operator did not close", e);
    }
  }
}
