package dev.anabranch.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/**
 * A single-node Kafka cluster (KRaft, combined mode) in a process of its own, so that a test can
 * kill, pause, wipe and restart it; {@link #join} gives it a second node. Its class path comes from
 * the Maven module {@code kafka-broker} by the system property {@code anabranch.kafka.libs}.
 */
public final class LocalBroker implements AutoCloseable {
  private static final Duration START_LIMIT = Duration.ofSeconds(180);

  private final String name;
  private final Map<String, String> properties;
  private final @Nullable LocalBroker first;
  private final Path directory;
  private final PortBlock ports;
  private final int port;
  private final int controllerPort;
  private final int linkedPort;
  private final int linkPort;
  private String clusterId;
  private @Nullable Process process;
  private @Nullable FaultyLink link;

  private LocalBroker(String name, Map<String, String> properties, @Nullable LocalBroker first)
      throws IOException {
    this.name = name;
    this.properties = properties;
    this.first = first;
    this.clusterId = first == null ? Uuid.randomUuid().toString() : first.clusterId;
    this.directory = Files.createTempDirectory("anabranch-" + name + "-");
    this.ports = PortBlock.claim(4);
    this.port = ports.port(0);
    this.controllerPort = ports.port(1);
    this.linkedPort = ports.port(2);
    this.linkPort = ports.port(3);
  }

  /** Formats and starts a broker and waits until it answers. */
  public static LocalBroker start(String name) {
    return start(name, Map.of());
  }

  /** As the other one, with further lines in its {@code server.properties}. */
  public static LocalBroker start(String name, Map<String, String> properties) {
    return start(name, properties, null);
  }

  /**
   * Starts a second broker of this one's cluster, node 2 to its node 1. While it is down,
   * partitions that were put on it alone have no leader, and the cluster answers all the same. Not
   * to be wiped.
   */
  public LocalBroker join(String name) {
    return start(name, Map.of(), this);
  }

  private static LocalBroker start(
      String name, Map<String, String> properties, @Nullable LocalBroker first) {
    try {
      LocalBroker broker = new LocalBroker(name, properties, first);
      Runtime.getRuntime().addShutdownHook(new Thread(broker::kill));
      broker.format();
      broker.restart();
      return broker;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public String name() {
    return name;
  }

  public String bootstrap() {
    return "127.0.0.1:" + port;
  }

  /** Another way to it, which fails as a test wants; {@link #close} ends it. */
  public synchronized FaultyLink link() {
    if (link == null) {
      link = new FaultyLink(linkPort, linkedPort);
    }
    return link;
  }

  /** Where it keeps a partition's log; to be changed only while it is down. */
  public Path log(String topic, int partition) {
    return directory.resolve("data").resolve(topic + "-" + partition);
  }

  /** The id of the Kafka cluster, which {@link #wipe} changes. */
  public String clusterId() {
    return clusterId;
  }

  /** How many connections clients on this machine have open to it. */
  public long connections() {
    String remote = ":%04X 01 ".formatted(port);
    try (Stream<String> lines =
        Stream.concat(
            Files.lines(Path.of("/proc/net/tcp")), Files.lines(Path.of("/proc/net/tcp6")))) {
      return lines.filter(line -> line.contains(remote)).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts the process (again) on its data and waits until it answers. */
  public void restart() {
    try {
      BrokerClasses classes = new BrokerClasses(libs());
      process =
          java(classes, "kafka.Kafka", config().toString())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(output().toFile()))
              .start();
      awaitReady();
      classes.keep(running());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** SIGKILL. */
  public void kill() {
    Process running = process;
    if (running != null) {
      running.destroyForcibly().onExit().join();
      process = null;
    }
  }

  /** SIGSTOP: connections stay open, nothing is answered. */
  public void pause() {
    signal("STOP");
  }

  /** SIGCONT. */
  public void resume() {
    signal("CONT");
  }

  /**
   * From now on none of its files grows beyond that, so that its disk seems to be full; until it is
   * started again. (A broker takes any error of a write alike.)
   */
  public void fillDisk(long bytes) {
    run("prlimit", "--pid", Long.toString(running().pid()), "--fsize=" + bytes);
  }

  /** Whether its process is there. */
  public boolean isAlive() {
    Process running = process;
    return running != null && running.isAlive();
  }

  /** Kills the broker, destroys its data for good and formats it as a new Kafka cluster. */
  public void wipe() {
    kill();
    try {
      deleteRecursively(directory.resolve("data"));
      clusterId = Uuid.randomUuid().toString();
      format();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** An admin client; the caller closes it. */
  public Admin admin() {
    return Admin.create(Map.of("bootstrap.servers", bootstrap()));
  }

  /** Creates a topic with one replica and waits until it is there. */
  public void createTopic(String topic, int partitions) {
    try (Admin admin = admin()) {
      admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
    } catch (Exception e) {
      throw new IllegalStateException("cannot create topic " + topic + " on " + name, e);
    }
  }

  @Override
  public void close() {
    kill();
    if (link != null) {
      link.close();
    }
    try {
      ports.close();
      deleteRecursively(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void format() throws IOException {
    Files.writeString(
        config(),
        """
        process.roles=%s
        node.id=%d
        controller.quorum.voters=1@127.0.0.1:%d
        listeners=PLAINTEXT://127.0.0.1:%d,LINK://127.0.0.1:%d%s
        advertised.listeners=PLAINTEXT://127.0.0.1:%d,LINK://127.0.0.1:%d
        controller.listener.names=CONTROLLER
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,LINK:PLAINTEXT,CONTROLLER:PLAINTEXT
        log.dirs=%s
        auto.create.topics.enable=false
        offsets.topic.replication.factor=1
        offsets.topic.num.partitions=4
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        transaction.state.log.num.partitions=4
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        group.initial.rebalance.delay.ms=0
        broker.session.timeout.ms=2000
        broker.heartbeat.interval.ms=500
        """
                .formatted(
                    first == null ? "broker,controller" : "broker",
                    first == null ? 1 : 2,
                    first == null ? controllerPort : first.controllerPort,
                    port,
                    linkedPort,
                    first == null ? ",CONTROLLER://127.0.0.1:" + controllerPort : "",
                    port,
                    linkPort,
                    directory.resolve("data"))
            + properties.entrySet().stream()
                .map(each -> each.getKey() + "=" + each.getValue() + "\n")
                .collect(Collectors.joining()));
    try {
      String config = config().toString();
      Process format =
          java(
                  new BrokerClasses(libs()),
                  "kafka.tools.StorageTool",
                  "format",
                  "-t",
                  clusterId,
                  "-c",
                  config)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(output().toFile()))
              .start();
      if (format.waitFor() != 0) {
        throw new IllegalStateException("format failed:\n" + Files.readString(output()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static Path libs() {
    Path libs = Path.of(System.getProperty("anabranch.kafka.libs", ""));
    if (!Files.isDirectory(libs)) {
      throw new IllegalStateException(
          "no broker jars at '" + libs + "'; run Maven with -am, so that kafka-broker is built");
    }
    return libs;
  }

  private static ProcessBuilder java(BrokerClasses classes, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + "/bin/java");
    command.addAll(
        List.of(
            "-Xms128m",
            "-Xmx384m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:MaxDirectMemorySize=128m"));
    command.addAll(classes.flags());
    command.addAll(List.of("-cp", libs() + "/*"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command);
  }

  private void awaitReady() {
    long deadline = System.nanoTime() + START_LIMIT.toNanos();
    while (System.nanoTime() < deadline) {
      Process running = process;
      if (running == null || !running.isAlive()) {
        throw new IllegalStateException("broker " + name + " died at start:\n" + logTail());
      }
      try (Admin admin =
          Admin.create(
              Map.of(
                  "bootstrap.servers", bootstrap(),
                  "default.api.timeout.ms", "5000",
                  "request.timeout.ms", "4000",
                  "metadata.recovery.strategy", "none"))) {
        if (!admin.describeCluster().nodes().get(6, TimeUnit.SECONDS).isEmpty()) {
          return;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      } catch (Exception e) {
        pauseBriefly();
      }
    }
    throw new IllegalStateException("broker " + name + " is not ready:\n" + logTail());
  }

  private void signal(String signal) {
    run("kill", "-" + signal, Long.toString(running().pid()));
  }

  private Process running() {
    Process running = process;
    if (running == null) {
      throw new IllegalStateException("broker " + name + " is not running");
    }
    return running;
  }

  private static void run(String... command) {
    try {
      int code = new ProcessBuilder(command).inheritIO().start().waitFor();
      if (code != 0) {
        throw new IllegalStateException(String.join(" ", command) + " ended with " + code);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Path config() {
    return directory.resolve("server.properties");
  }

  private Path output() {
    return directory.resolve("broker.log");
  }

  private String logTail() {
    try {
      List<String> lines = Files.readAllLines(output());
      return String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size()));
    } catch (IOException e) {
      return "(no log: " + e.getMessage() + ")";
    }
  }

  private static void pauseBriefly() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void deleteRecursively(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    try (Stream<Path> walk = Files.walk(path)) {
      for (Path each : walk.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }
}
