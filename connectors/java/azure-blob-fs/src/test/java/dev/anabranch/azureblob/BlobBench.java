package dev.anabranch.azureblob;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import org.apache.flink.configuration.Configuration;

/**
 * The plugin against the SDK alone, and both beside bare sockets, on a {@link DiscardServer}: all
 * do each {@link BenchCase} in turn, round by round, in one JVM and over one pool of connections.
 * Prints one line of JSON for each, with the wall time, the CPU time of this process, and what the
 * server says that it was asked. Then the plugin's live heap, case by case.
 *
 * <p>Takes one argument, a JSON object: {@code options} of the plugin, {@code ports} by latency in
 * ms, {@code disk} (an empty folder), {@code mebibytes}, {@code rounds}, {@code warm_up}, {@code
 * cases}, {@code ways}. The identity comes from the environment.
 */
public final class BlobBench {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private final JsonNode arguments;
  private final BenchSizes sizes;
  private final Settings settings;
  private final BlobResources resources;
  private final Path disk;
  private final List<BenchCase> cases = new ArrayList<>();
  private final HttpClient http;

  private BlobBench(JsonNode arguments) throws IOException {
    this.arguments = arguments;
    this.sizes = BenchSizes.of(arguments.get("mebibytes").asInt());
    Configuration options = new Configuration();
    arguments
        .get("options")
        .properties()
        .forEach(e -> options.setString(e.getKey(), e.getValue().asText()));
    arguments
        .get("ports")
        .properties()
        .forEach(
            e ->
                options.setString(
                    AzureBlobOptions.ENDPOINT.key() + "." + account(e.getKey()),
                    "https://127.0.0.1:" + e.getValue().asInt() + "/anabranch"));
    this.settings = Settings.from(options);
    this.resources = BlobResources.of(settings);
    this.disk = Path.of(arguments.get("disk").asText());
    arguments.get("cases").forEach(name -> cases.add(BenchCase.valueOf(name.asText())));
    this.http = HttpClient.newBuilder().sslContext(tls()).build();
  }

  public static void main(String[] args) throws Exception {
    BlobBench bench = new BlobBench(JSON.readTree(args[0]));
    bench.fillDisk();
    for (Map.Entry<String, JsonNode> each : bench.arguments.get("ports").properties()) {
      bench.run(each.getKey(), each.getValue().asInt());
    }
    System.exit(0); // pools and the client's threads go on
  }

  private void run(String latency, int port) throws Exception {
    Map<String, BlobWorkload> ways = ways(latency, port);
    int warmUp = arguments.get("warm_up").asInt();
    for (int round = -warmUp; round < arguments.get("rounds").asInt(); round++) {
      for (BenchCase what : cases) {
        // Whoever comes first finds other caches: each in turn.
        List<String> order = new ArrayList<>(ways.keySet());
        if (Math.floorMod(round, 2) == 1) {
          Collections.reverse(order);
        }
        for (String way : order) {
          if (ways.get(way).does(what)) {
            print(latency, what, way, round, measure(ways.get(way), what, port));
          }
        }
      }
    }
    if (!ways.containsKey("plugin")) {
      return;
    }
    for (BenchCase what : cases) {
      long heap = LiveHeap.peak(() -> callPlugin(ways.get("plugin"), what));
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("heap_bytes", heap);
      row.put("budget_bytes", settings.memoryBytes());
      row.put("budget_peak_bytes", resources.budget.peak());
      print(latency, what, "plugin", -1, row);
    }
  }

  private static Void callPlugin(BlobWorkload plugin, BenchCase what) throws Exception {
    plugin.run(what);
    return null;
  }

  private Map<String, BlobWorkload> ways(String latency, int port) throws IOException {
    ContainerUri container =
        ContainerUri.of(URI.create("abfss://state@" + account(latency) + ".dfs.core.windows.net"));
    BlobFileSystem files =
        new BlobFileSystem(container, settings, resources, resources.container(container));
    org.apache.flink.core.fs.Path base =
        new org.apache.flink.core.fs.Path(
            new org.apache.flink.core.fs.Path(container.root()), "plugin");
    int parallelism = settings.writeThreads();
    Map<String, BlobWorkload> ways = new LinkedHashMap<>();
    ways.put("plugin", new PluginWorkload(files, base, disk, sizes, parallelism));
    ways.put(
        "sdk",
        new SdkWorkload(resources.container(container), "sdk", disk, sizes, settings, parallelism));
    ways.put("bare", new BareWorkload(tls(), port, sizes, settings.blockBytes(), parallelism));
    List<String> wanted = new ArrayList<>();
    arguments.get("ways").forEach(way -> wanted.add(way.asText()));
    ways.keySet().retainAll(wanted);
    return ways;
  }

  private Map<String, Object> measure(BlobWorkload way, BenchCase what, int port) throws Exception {
    System.gc(); // the garbage of the one before is not this one's cost
    JsonNode before = counts(port);
    long cpu = SYSTEM.getProcessCpuTime();
    long begin = System.nanoTime();
    way.run(what);
    long wall = System.nanoTime() - begin;
    cpu = SYSTEM.getProcessCpuTime() - cpu;
    JsonNode after = counts(port);
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("wall_s", wall / 1e9);
    row.put("cpu_s", cpu / 1e9);
    row.put("server_cpu_s", (after.get("cpu-ms").asLong() - before.get("cpu-ms").asLong()) / 1e3);
    row.put("requests", after.path("requests").asLong());
    row.put("bytes_moved", after.path("bytes-in").asLong() + after.path("bytes-out").asLong());
    row.put("refused", after.path("refused").asLong());
    return row;
  }

  private void print(
      String latency, BenchCase what, String way, int round, Map<String, Object> measured)
      throws IOException {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("latency_ms", Integer.parseInt(latency));
    row.put("case", what.name());
    row.put("way", way);
    row.put("round", round);
    row.put("bytes", what.bytes(sizes));
    row.put("files", what.files(sizes));
    row.putAll(measured);
    System.out.println(JSON.writeValueAsString(row));
  }

  private JsonNode counts(int port) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + port + "/counts")).build();
    return JSON.readTree(http.send(request, HttpResponse.BodyHandlers.ofString()).body());
  }

  private void fillDisk() throws IOException {
    byte[] chunk = Contents.random(1, 1 << 20);
    for (int i = 0; i < sizes.copies(); i++) {
      try (OutputStream out = Files.newOutputStream(disk.resolve("up-" + i))) {
        for (long left = sizes.copyBytes(); left > 0; left -= chunk.length) {
          out.write(chunk, 0, (int) Math.min(left, chunk.length));
        }
      }
    }
  }

  private SSLContext tls() throws IOException {
    return TrustedCertificates.context(settings.caFile());
  }

  private static String account(String latency) {
    return "latency" + latency;
  }
}
