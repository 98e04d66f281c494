package dev.anabranch.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Runs all variants in turn, round by round, and prints one JSON line for each run: {@code TOPOLOGY
 * PLAIN_BOOTSTRAP RECORDS ROUNDS PARALLELISM CHECKPOINT_DIR [VARIANT…]}. The first round warms up
 * and is marked so.
 */
public final class PipelineBench {
  private PipelineBench() {}

  public static void main(String[] arguments) throws Exception {
    BenchSetup setup = new BenchSetup(arguments[0], arguments[1], Long.parseLong(arguments[2]));
    int rounds = Integer.parseInt(arguments[3]);
    int parallelism = Integer.parseInt(arguments[4]);
    PrintStream out = System.out;
    for (int round = 0; round <= rounds; round++) {
      for (Variant variant : Variant.values()) {
        if (arguments.length > 6 && !wanted(variant, arguments)) {
          continue;
        }
        out.println(measure(variant, setup, parallelism, arguments[5], round));
        out.flush();
      }
    }
  }

  private static boolean wanted(Variant variant, String[] arguments) {
    for (int i = 6; i < arguments.length; i++) {
      if (variant.name().equalsIgnoreCase(arguments[i].replace('-', '_'))) {
        return true;
      }
    }
    return false;
  }

  private static String measure(
      Variant variant, BenchSetup setup, int parallelism, String checkpoints, int round)
      throws Exception {
    Configuration configuration = new Configuration();
    configuration.set(PipelineOptions.OBJECT_REUSE, true);
    configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints);
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
    env.enableCheckpointing(2_000);
    variant.build(env, setup);
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long cpu = system.getProcessCpuTime();
    long wall = System.nanoTime();
    env.execute(variant.name());
    return String.format(
        Locale.ROOT,
        "{\"variant\": \"%s\", \"round\": %d, \"warm_up\": %b, \"records\": %d,"
            + " \"wall_s\": %.3f, \"cpu_us_per_record\": %.3f}",
        variant.name().toLowerCase(Locale.ROOT),
        round,
        round == 0,
        setup.records(),
        (System.nanoTime() - wall) / 1e9,
        (system.getProcessCpuTime() - cpu) / 1e3 / setup.records());
  }
}
