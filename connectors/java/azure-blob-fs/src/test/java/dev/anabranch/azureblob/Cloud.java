package dev.anabranch.azureblob;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystemFactory;
import org.apache.flink.core.fs.PluginFileSystemFactory;
import org.apache.flink.core.plugin.PluginManager;
import org.apache.flink.core.plugin.PluginUtils;
import org.apache.flink.core.testutils.CommonTestUtils;
import org.assertj.core.api.Assumptions;

/**
 * Where the tests' blobs are: the devkit's local cloud, started once per JVM and ended by the end
 * of its standard input, however the JVM ends; or, with {@code ABFSS_URL} set to a directory of a
 * real container, that one, with the identity that the environment gives.
 */
final class Cloud {
  private static Cloud shared;

  private final JsonNode told;
  private final String location;
  private final boolean local;
  private FileSystem files;

  private Cloud(JsonNode told, String location, boolean local) {
    this.told = told;
    this.location = location;
    this.local = local;
  }

  static synchronized Cloud get() {
    if (shared == null) {
      try {
        String real = System.getenv("ABFSS_URL");
        shared =
            real == null || real.isEmpty()
                ? start()
                : new Cloud(new ObjectMapper().createObjectNode(), real, false);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return shared;
  }

  /** The one of this machine; skips the test on a real account, which cannot be hurt. */
  static Cloud local() {
    Cloud cloud = get();
    Assumptions.assumeThat(cloud.local).as("this is the local cloud").isTrue();
    return cloud;
  }

  private static Cloud start() throws IOException {
    Path python = Path.of(System.getProperty("anabranch.python"));
    if (!Files.isExecutable(python)) {
      throw new IOException(python + " is missing, which starts the local cloud: run 'make setup'");
    }
    Path folder = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "local-cloud-");
    Path log = folder.resolve("cloud.log");
    Process process =
        new ProcessBuilder(
                python.toString(), "-m", "anabranch.devkit.local_cloud", folder.toString())
            .redirectError(log.toFile())
            .start();
    String line = process.inputReader().readLine();
    if (line == null) {
      throw new IOException("the local cloud does not start: " + Files.readString(log));
    }
    JsonNode told = new ObjectMapper().readTree(line);
    setEnvironment(strings(told.get("environment")));
    return new Cloud(told, told.get("location").asText(), true);
  }

  /** As it would be for a pod; over what is set, and for what is asked for later. */
  static void setEnvironment(Map<String, String> variables) {
    CommonTestUtils.setEnv(variables, false);
  }

  /** The variables of the identity that has access. */
  Map<String, String> identity() {
    return strings(told.get("environment"));
  }

  /** The plugin's options that reach it. */
  Configuration options() {
    return Configuration.fromMap(local ? strings(told.get("flink")) : Map.of());
  }

  String location() {
    return location;
  }

  /** What the storage service says of each request. */
  Path requests() {
    return Path.of(told.get("requests").asText());
  }

  /** The folder with {@code ca.pem}, {@code cloud.pem} and {@code cloud.key.pem}. */
  Path tls() {
    return Path.of(told.get("tls").asText());
  }

  /** Asks the token service for another behaviour, and for what it has done. */
  JsonNode tokens(String query) throws IOException, InterruptedException {
    HttpClient client =
        HttpClient.newBuilder()
            .sslContext(TrustedCertificates.context(tls().resolve("ca.pem")))
            .build();
    URI uri = URI.create(identity().get("AZURE_AUTHORITY_HOST") + "control?" + query);
    HttpRequest request =
        HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.noBody()).build();
    return new ObjectMapper()
        .readTree(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
  }

  /**
   * The file system that Flink would make: by the plugin loader, from the folder of jars, in a
   * class loader, with connections and with an access token of its own.
   */
  FileSystem fileSystem(Configuration more, String location) throws IOException {
    Configuration all = options();
    all.addAll(more);
    PluginManager plugins = PluginUtils.createPluginManagerFromRootFolder(all);
    URI uri = URI.create(location);
    for (Iterator<FileSystemFactory> each = plugins.load(FileSystemFactory.class);
        each.hasNext(); ) {
      FileSystemFactory factory = each.next();
      if (factory.getScheme().equals(uri.getScheme())) {
        PluginFileSystemFactory plugin = PluginFileSystemFactory.of(factory);
        plugin.configure(all);
        return plugin.create(uri);
      }
    }
    throw new IOException("no plugin for " + uri.getScheme() + " in FLINK_PLUGINS_DIR");
  }

  /** The one that tests share which neither change its options nor its identity. */
  synchronized FileSystem fileSystem() throws IOException {
    if (files == null) {
      files = fileSystem(new Configuration(), location);
    }
    return files;
  }

  private static Map<String, String> strings(JsonNode object) {
    Map<String, String> found = new HashMap<>();
    object.properties().forEach(e -> found.put(e.getKey(), e.getValue().asText()));
    return found;
  }
}
