package dev.anabranch.table;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.table.deadletter.DeadLetters;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Retention deletes what a table has not read yet. */
@Timeout(120)
class SqlLossTest extends OnTwoPrimaries {
  private static final Duration LIMIT = Duration.ofSeconds(40);

  @TempDir Path savepoints;

  @ParameterizedTest
  @ValueSource(strings = {"reset", "park"})
  void theRangeIsOneLetterAndTheRestIsReadAsThePolicySays(String policy) throws Exception {
    String stream = primaries.stream("kept-briefly-" + policy);
    String letters = primaries.stream("lost-" + policy);
    String copy = primaries.stream("copy-" + policy);
    Set<String> expected = new TreeSet<>(TestProducer.write(primaries.a(), stream, 2, "a", 40));
    expected.addAll(TestProducer.write(primaries.b(), stream, 2, "b", 40));
    String savepoint = run(stream, letters, copy, policy, null, expected);

    List<String> unread = TestProducer.write(primaries.b(), stream, 2, "unread", 20);
    deleteBefore(primaries.b(), new TopicPartition(stream, 0), 25);
    // Those with even numbers are in partition 0, from offset 20 on.
    for (int i = 0; i < unread.size(); i++) {
      boolean first = i % 2 == 0;
      if (!first || (policy.equals("reset") && i >= 10)) {
        expected.add(unread.get(i));
      }
    }
    savepoint = run(stream, letters, copy, policy, savepoint, expected);
    assertThatOneLetterHasTheRange(letters);

    // What is left of partition 0; under RESET that has been read already.
    expected.addAll(unread.subList(10, unread.size()));
    run(stream, letters, copy, "reset", savepoint, expected);
    assertThatOneLetterHasTheRange(letters);
  }

  /** Copies until all that is expected is there, and nothing else; returns a savepoint. */
  private String run(
      String stream,
      String letters,
      String copy,
      String policy,
      @Nullable String savepoint,
      Set<String> expected)
      throws Exception {
    Sql sql =
        new Sql(primaries.topology())
            .unboundedUnion(
                "source",
                stream,
                "line STRING",
                "'format' = 'raw', 'out-of-range' = '%s', 'dead-letters' = '%s'"
                    .formatted(policy, letters))
            .prism("sink", copy, "line STRING", "'format' = 'raw', 'record-id' = 'none'");
    if (savepoint != null) {
      sql.env()
          .configure(Configuration.fromMap(Map.of("execution.state-recovery.path", savepoint)));
    }
    JobClient job =
        sql.tables()
            .executeSql("INSERT INTO sink SELECT line FROM source")
            .getJobClient()
            .orElseThrow();
    Await.until(() -> lines(copy).containsAll(expected), LIMIT);
    String next =
        job.stopWithSavepoint(false, savepoints.toString(), SavepointFormatType.CANONICAL)
            .get(60, TimeUnit.SECONDS);
    assertThat(lines(copy)).containsExactlyInAnyOrderElementsOf(expected);
    return next;
  }

  private static void deleteBefore(LocalBroker broker, TopicPartition partition, long offset)
      throws Exception {
    try (Admin admin = broker.admin()) {
      admin
          .deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(offset)))
          .all()
          .get(20, TimeUnit.SECONDS);
    }
  }

  /** As often as each was written; a second copy that a hedge has left has the same id. */
  private static List<String> lines(String copy) {
    return primaries.distinct(copy).stream()
        .map(record -> new String(record.value(), UTF_8))
        .toList();
  }

  private static void assertThatOneLetterHasTheRange(String letters) {
    assertThat(primaries.distinct(letters)).hasSize(1);
    GenericRecord letter =
        DeadLetters.decode(primaries.distinct(letters).iterator().next().value());
    assertThat(letter.get("reason")).hasToString("lost");
    assertThat(letter.get("primary")).hasToString("b");
    assertThat(letter.get("partition")).isEqualTo(0);
    assertThat(letter.get("offset")).isEqualTo(20L);
    assertThat(letter.get("detail").toString()).contains("lost offsets 20..24").contains("deleted");
  }
}
