package dev.anabranch.dedup;

import com.sun.management.OperatingSystemMXBean;
import dev.anabranch.records.RawRecord;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.FileUtils;

/**
 * Measures the dedup operator alone, on RocksDB with checkpoints, without the exchange before it:
 * CPU time per record and bytes of state per id. Prints one line of JSON.
 *
 * <p>Arguments: workload, number of ids, directory for the state (emptied afterwards).
 */
public final class DedupBench {
  private static final long WARM_UP_IDS = 500_000;
  private static final int CHECKPOINTS = 10;
  private static final long WARM_UP_SALT = 0x5555_5555_5555_5555L;

  private final BenchWorkload workload;
  private final Path directory;

  private DedupBench(BenchWorkload workload, Path directory) {
    this.workload = workload;
    this.directory = directory;
  }

  /** CPU time of the thread that processes, and of the whole process with RocksDB's threads. */
  private record Cpu(long threadNs, long processNs) {
    static Cpu now() {
      var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      return new Cpu(
          ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime(),
          system.getProcessCpuTime());
    }

    Cpu minus(Cpu other) {
      return new Cpu(threadNs - other.threadNs, processNs - other.processNs);
    }
  }

  public static void main(String[] args) throws Exception {
    BenchWorkload workload = BenchWorkload.valueOf(args[0].toUpperCase(Locale.ROOT));
    Path directory = Files.createTempDirectory(Path.of(args[2]), "dedup-bench");
    try {
      new DedupBench(workload, directory).run(Long.parseLong(args[1]));
    } finally {
      FileUtils.deleteDirectoryQuietly(directory.toFile());
    }
  }

  private void run(long ids) throws Exception {
    process(WARM_UP_IDS, WARM_UP_SALT, "warm-up");
    generate(BenchWorkload.records(WARM_UP_IDS));
    long records = BenchWorkload.records(ids);
    Cpu generation = generate(records);
    print(ids, records, generation, process(ids, 0, "measured"));
  }

  private record Result(Cpu cpu, long passed, BenchState.Sizes sizes) {}

  private Result process(long ids, long salt, String name) throws IOException, Exception {
    long records = BenchWorkload.records(ids);
    long checkpointEvery = Math.max(1, records / CHECKPOINTS);
    try (BenchState state = new BenchState(directory.resolve(name))) {
      Cpu before = Cpu.now();
      StreamRecord<RawRecord> element = new StreamRecord<>(workload.record(0, ids, salt));
      for (long i = 0; i < records; i++) {
        state.process(element.replace(workload.record(i, ids, salt)));
        if (i % checkpointEvery == checkpointEvery - 1) {
          state.checkpoint();
        }
      }
      state.checkpoint();
      Cpu cpu = Cpu.now().minus(before);
      return new Result(cpu, state.passed(), state.sizes());
    }
  }

  /** The same loop without the operator: what is to be subtracted. */
  private Cpu generate(long records) {
    Cpu before = Cpu.now();
    long sum = 0;
    for (long i = 0; i < records; i++) {
      sum += workload.record(i, records, 0).id().low();
    }
    Cpu cpu = Cpu.now().minus(before);
    if (sum == 42) {
      System.err.println("keeps the loop from being optimised away");
    }
    return cpu;
  }

  private void print(long ids, long records, Cpu generation, Result result) {
    if (result.passed() != ids) {
      throw new IllegalStateException(result.passed() + " of " + ids + " ids passed");
    }
    Cpu own = result.cpu().minus(generation);
    BenchState.Sizes sizes = result.sizes();
    System.out.printf(
        Locale.ROOT,
        "{\"workload\": \"%s\", \"ids\": %d, \"records\": %d, \"task_thread_us\": %.3f,"
            + " \"process_us\": %.3f, \"blocks_bytes\": %d, \"timers_bytes\": %d,"
            + " \"checkpoint_bytes\": %d, \"state_bytes_per_id\": %.4f}%n",
        workload.name().toLowerCase(Locale.ROOT),
        ids,
        records,
        own.threadNs() / 1e3 / records,
        own.processNs() / 1e3 / records,
        sizes.blocks(),
        sizes.timers(),
        sizes.checkpoint(),
        (double) (sizes.blocks() + sizes.timers()) / ids);
  }
}
