package dev.anabranch.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Runs one variant whenever it is told to, and prints one JSON line for each run: {@code TOPOLOGY
 * PLAIN_BOOTSTRAP RECORDS PARALLELISM CHECKPOINT_DIR VARIANT}. Each line on standard input is one
 * run; the end of it ends the program. One variant a process, as in a TaskManager: what the
 * compiler learns of one is not what the other is compiled for.
 */
public final class PipelineBench {
  private PipelineBench() {}

  public static void main(String[] arguments) throws Exception {
    BenchSetup setup = new BenchSetup(arguments[0], arguments[1], Long.parseLong(arguments[2]));
    int parallelism = Integer.parseInt(arguments[3]);
    Variant variant = Variant.valueOf(arguments[5].toUpperCase(Locale.ROOT));
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    while (commands.readLine() != null) {
      System.out.println(measure(variant, setup, parallelism, arguments[4]));
      System.out.flush();
    }
  }

  private static String measure(
      Variant variant, BenchSetup setup, int parallelism, String checkpoints) throws Exception {
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
        "{\"variant\": \"%s\", \"records\": %d, \"wall_s\": %.3f, \"cpu_us_per_record\": %.3f}",
        variant.name().toLowerCase(Locale.ROOT),
        setup.records(),
        (System.nanoTime() - wall) / 1e9,
        (system.getProcessCpuTime() - cpu) / 1e3 / setup.records());
  }
}
