package dev.anabranch.table;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** Runs statements in this JVM, with checkpoints. */
final class Sql {
  private final StreamExecutionEnvironment env;
  private final StreamTableEnvironment tables;
  private final String topology;

  Sql(String topology) throws Exception {
    this.topology = topology;
    Path checkpoints = Files.createTempDirectory(Path.of(topology).getParent(), "checkpoints-");
    Configuration config = new Configuration();
    config.setString("execution.checkpointing.dir", checkpoints.toUri().toString());
    config.setString("execution.checkpointing.interval", "500 ms");
    config.setString("restart-strategy.type", "none");
    config.setString("parallelism.default", "2");
    this.env = StreamExecutionEnvironment.getExecutionEnvironment(config);
    this.tables = StreamTableEnvironment.create(env);
  }

  /** One Flink for all tests of a class. */
  static MiniClusterExtension cluster() {
    return cluster(new Configuration());
  }

  /** The same, of that configuration. */
  static MiniClusterExtension cluster(Configuration configuration) {
    return new MiniClusterExtension(
        new MiniClusterResourceConfiguration.Builder()
            .setConfiguration(configuration)
            .setNumberTaskManagers(1)
            .setNumberSlotsPerTaskManager(4)
            .build());
  }

  StreamExecutionEnvironment env() {
    return env;
  }

  StreamTableEnvironment tables() {
    return tables;
  }

  /** Declares a table that reads a stream to its present end. */
  Sql union(String table, String stream, String columns, String options) {
    String bounded = "'scan.bounded.mode' = 'latest'" + (options.isEmpty() ? "" : ", " + options);
    return create("union", table, stream, columns, bounded);
  }

  /** Declares a table that reads a stream for as long as the job runs. */
  Sql unboundedUnion(String table, String stream, String columns, String options) {
    return create("union", table, stream, columns, options);
  }

  /** Declares a table that writes a stream. */
  Sql prism(String table, String stream, String columns, String options) {
    return create("prism", table, stream, columns, options);
  }

  /** Runs an INSERT to its end. */
  void insert(String statement) throws Exception {
    tables.executeSql(statement).await();
  }

  /** All rows of a query that ends. */
  @SuppressWarnings("try") // Flink declares that closing may throw anything.
  List<Row> rows(String query) throws Exception {
    List<Row> rows = new ArrayList<>();
    try (CloseableIterator<Row> iterator = tables.executeSql(query).collect()) {
      iterator.forEachRemaining(rows::add);
    }
    return rows;
  }

  private Sql create(
      String connector, String table, String stream, String columns, String options) {
    tables.executeSql(
        "CREATE TEMPORARY TABLE %s (%s) WITH ('connector' = '%s', 'topology' = '%s', 'stream' = '%s', %s)"
            .formatted(table, columns, connector, topology, stream, options));
    return this;
  }
}
