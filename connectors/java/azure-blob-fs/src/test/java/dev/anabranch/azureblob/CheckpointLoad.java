package dev.anabranch.azureblob;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.plugin.PluginUtils;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * A job on RocksDB whose state grows by the same records between any two incremental checkpoints,
 * however fast these are: so two file systems write the same, and what they ask of the service and
 * how long they take can be compared. Which one is used the folder of plugins decides.
 *
 * <p>Arguments: base directory, number of checkpoints, records between two, bytes of each, whether
 * to restore, and the options of the file system as JSON. Prints a line of JSON after each phase,
 * and waits for a line before the next: the checkpoints, the restore, the listing of all files, and
 * their deletion.
 */
public final class CheckpointLoad {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PARALLELISM = 2;

  /**
   * How many records may go on, how many did, how many were counted and how many knew their key.
   */
  private static final AtomicLong ALLOWED = new AtomicLong();

  private static final AtomicLong SENT = new AtomicLong();
  private static final AtomicLong COUNTED = new AtomicLong();
  private static final AtomicLong KNOWN = new AtomicLong();

  private final MiniCluster cluster;
  private final Path base;
  private final int valueBytes;

  private CheckpointLoad(MiniCluster cluster, Path base, int valueBytes) {
    this.cluster = cluster;
    this.base = base;
    this.valueBytes = valueBytes;
  }

  public static void main(String[] args) {
    try {
      run(args);
      System.exit(0);
    } catch (Exception e) {
      e.printStackTrace();
      System.exit(1); // the cluster's threads would go on
    }
  }

  private static void run(String[] args) throws Exception {
    Configuration options = new Configuration();
    JSON.readTree(args[5])
        .properties()
        .forEach(e -> options.setString(e.getKey(), e.getValue().asText()));
    // Flink asks the cluster for this one, not the job.
    options.set(CheckpointingOptions.MAX_RETAINED_CHECKPOINTS, Integer.MAX_VALUE);
    FileSystem.initialize(options, PluginUtils.createPluginManagerFromRootFolder(options));
    MiniClusterConfiguration setup =
        new MiniClusterConfiguration.Builder()
            .setConfiguration(options)
            .setNumTaskManagers(1)
            .setNumSlotsPerTaskManager(PARALLELISM)
            .build();
    MiniCluster cluster = new MiniCluster(setup);
    cluster.start();
    CheckpointLoad load = new CheckpointLoad(cluster, new Path(args[0]), Integer.parseInt(args[3]));
    String newest = load.checkpoints(Integer.parseInt(args[1]), Integer.parseInt(args[2]));
    if (Boolean.parseBoolean(args[4])) {
      load.restore(newest, Integer.parseInt(args[2]));
    }
    load.listAndDelete();
  }

  private String checkpoints(int count, int records) throws Exception {
    JobID job = start(SavepointRestoreSettings.none());
    List<Long> times = new ArrayList<>();
    String newest = "";
    for (int i = 1; i <= count; i++) {
      ALLOWED.addAndGet(records);
      awaitCounted(job, ALLOWED.get());
      long begin = System.nanoTime();
      newest = cluster.triggerCheckpoint(job).get();
      times.add((System.nanoTime() - begin) / 1_000_000);
    }
    tell(Map.of("phase", "checkpoints", "ms", times));
    stop(job);
    return newest;
  }

  private void restore(String path, int records) throws Exception {
    ALLOWED.set(0);
    SENT.set(0);
    COUNTED.set(0);
    KNOWN.set(0);
    long begin = System.nanoTime();
    JobID job = start(SavepointRestoreSettings.forPath(path));
    ALLOWED.set(records);
    awaitCounted(job, records);
    long took = (System.nanoTime() - begin) / 1_000_000;
    if (KNOWN.get() != records) {
      throw new IllegalStateException(KNOWN.get() + " of " + records + " keys were restored");
    }
    tell(Map.of("phase", "restore", "ms", took));
    stop(job);
  }

  private void listAndDelete() throws IOException {
    FileSystem files = FileSystem.get(base.toUri());
    List<Long> sizes = new ArrayList<>();
    collect(files, base, sizes);
    tell(Map.of("phase", "files", "bytes", sizes));
    long begin = System.nanoTime();
    files.delete(base, true);
    tell(Map.of("phase", "delete", "ms", (System.nanoTime() - begin) / 1_000_000));
  }

  private static void collect(FileSystem files, Path directory, List<Long> sizes)
      throws IOException {
    for (FileStatus each : files.listStatus(directory)) {
      if (each.isDir()) {
        collect(files, each.getPath(), sizes);
      } else {
        sizes.add(each.getLen());
      }
    }
  }

  private static void tell(Map<String, Object> phase) throws IOException {
    System.out.println(JSON.writeValueAsString(phase));
    while (System.in.read() != '\n') {
      // Whoever counts requests counts those of this phase now.
    }
  }

  private JobID start(SavepointRestoreSettings restore) throws Exception {
    Configuration options = new Configuration();
    options.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    options.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    options.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, base.toString());
    options.set(
        CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
        ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    options.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(options);
    env.enableCheckpointing(Duration.ofDays(1).toMillis()); // only when it is asked for
    env.setParallelism(PARALLELISM);
    env.fromSequence(0, Long.MAX_VALUE)
        .uid("numbers")
        .setParallelism(1)
        .flatMap(new Gate())
        .uid("gate")
        .setParallelism(1)
        .keyBy(value -> value)
        .process(new Remember(valueBytes))
        .uid("remember")
        .sinkTo(new DiscardingSink<>());
    JobGraph graph = env.getStreamGraph().getJobGraph();
    graph.setSavepointRestoreSettings(restore);
    return cluster.submitJob(graph).get().getJobID();
  }

  private void stop(JobID job) throws Exception {
    cluster.cancelJob(job).get();
    while (cluster.getJobStatus(job).get() != JobStatus.CANCELED) {
      Thread.sleep(10);
    }
  }

  private void awaitCounted(JobID job, long records) throws Exception {
    while (COUNTED.get() < records) {
      if (cluster.getJobStatus(job).get().isTerminalState()) {
        cluster.requestJobResult(job).get().toJobExecutionResult(getClass().getClassLoader());
      }
      Thread.sleep(1);
    }
  }

  /** Counts on while it may, in place of what the source sends; checkpoints pass in any case. */
  private static final class Gate implements FlatMapFunction<Long, Long> {
    private static final long serialVersionUID = 1;

    @Override
    public void flatMap(Long value, Collector<Long> out) throws Exception {
      if (SENT.get() < ALLOWED.get()) {
        out.collect(SENT.getAndIncrement());
      } else {
        Thread.sleep(1);
      }
    }
  }

  /** Keeps bytes for each key that no compression makes less. */
  private static final class Remember extends KeyedProcessFunction<Long, Long, Long> {
    private static final long serialVersionUID = 1;
    private final int bytes;
    private transient ValueState<byte[]> state;

    Remember(int bytes) {
      this.bytes = bytes;
    }

    @Override
    public void open(OpenContext context) {
      state = getRuntimeContext().getState(new ValueStateDescriptor<>("value", byte[].class));
    }

    @Override
    public void processElement(Long key, Context context, Collector<Long> out) throws Exception {
      if (state.value() != null) {
        KNOWN.incrementAndGet();
      }
      byte[] value = new byte[bytes];
      new Random(key).nextBytes(value);
      state.update(value);
      COUNTED.incrementAndGet();
    }
  }
}
