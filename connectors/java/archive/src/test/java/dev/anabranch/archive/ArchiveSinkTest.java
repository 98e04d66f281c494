package dev.anabranch.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.avro.file.DataFileConstants;
import org.apache.avro.file.DataFileStream;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Records over two hours, in a job that fails: what is in the files, and how many there are. */
@Timeout(110)
class ArchiveSinkTest {
  private static final long COUNT = 1_500;
  private static final long HALF_AN_HOUR_MS = 1_800_000;
  private static final int FAILURES = 2;
  private static final AtomicInteger FAILED = new AtomicInteger();

  @TempDir Path directory;

  @Test
  void archivesEachRecordOnceThoughTheJobFails() throws Exception {
    Configuration options = new Configuration();
    options.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
    options.set(
        CheckpointingOptions.CHECKPOINTS_DIRECTORY, directory.resolve("state").toUri() + "");
    options.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    options.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, FAILURES);
    options.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ZERO);
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(options);
    env.setParallelism(2);
    Path archive = directory.resolve("archive");
    env.fromSequence(1, COUNT)
        .map(new FailsAfterCheckpoints())
        .returns(RawRecordTypeInfo.INSTANCE)
        .sinkTo(ArchiveSink.of("logs", archive.toUri().toString(), 1_000));
    env.execute();

    assertThat(FAILED.get()).isEqualTo(FAILURES);
    List<Long> offsets = new ArrayList<>();
    for (Path file : files(archive)) {
      for (GenericRecord record : read(file)) {
        long offset = (long) record.get("offset");
        offsets.add(offset);
        assertThat(archive.relativize(file.getParent()))
            .hasToString("stream=logs/date=1970-01-01/hour=0" + offset % 4 / 2);
      }
    }
    assertThat(offsets)
        .containsExactlyInAnyOrderElementsOf(LongStream.rangeClosed(1, COUNT).boxed().toList());
  }

  @Test
  void beginsAnotherFileWhenOneIsFull() throws Exception {
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.getExecutionEnvironment(new Configuration());
    env.setParallelism(1);
    env.fromSequence(1, 100_000)
        .map(number -> Records.at(number, 0))
        .returns(RawRecordTypeInfo.INSTANCE)
        .sinkTo(ArchiveSink.of("logs", directory.toUri().toString(), 100_000));
    env.execute(); // without a checkpoint but the last
    List<Path> files = files(directory);
    assertThat(files).hasSizeGreaterThan(3);
    for (Path file : files) {
      assertThat(Files.size(file)).isLessThan(130_000); // a block of 64,000 bytes more, compressed
    }
  }

  @Test
  void isPlannedWhereTheFileSystemIsNotKnown() {
    StreamExecutionEnvironment env =
        StreamExecutionEnvironment.getExecutionEnvironment(new Configuration());
    env.fromSequence(1, 2)
        .map(number -> Records.at(number, 0))
        .returns(RawRecordTypeInfo.INSTANCE)
        .sinkTo(ArchiveSink.of("logs", "nowhere://container/archive"));
    assertThatCode(env::getStreamGraph).doesNotThrowAnyException();
  }

  /**
   * All that are finished: those that failed attempts left, which Flink leaves on disks, are
   * hidden.
   */
  private static List<Path> files(Path archive) throws IOException {
    try (Stream<Path> found = Files.walk(archive)) {
      return found
          .filter(file -> file.getFileName().toString().matches("records-.*\\.avro"))
          .sorted()
          .toList();
    }
  }

  private static List<GenericRecord> read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file);
        DataFileStream<GenericRecord> avro = new DataFileStream<>(in, new GenericDatumReader<>())) {
      assertThat(avro.getMetaString(DataFileConstants.CODEC)).isEqualTo("deflate");
    }
    return Records.read(Files.newInputStream(file));
  }

  /** Fails some records after a checkpoint, so that records come again. */
  private static final class FailsAfterCheckpoints extends RichMapFunction<Long, RawRecord>
      implements CheckpointListener {
    private static final long serialVersionUID = 1;
    private transient int checkpoints;
    private transient int since;

    @Override
    public RawRecord map(Long number) throws Exception {
      Thread.sleep(1);
      since++;
      boolean due = checkpoints >= 2 && since > 20;
      if (due && getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0) {
        if (FAILED.get() < FAILURES) {
          FAILED.incrementAndGet();
          throw new IllegalStateException("as the test wants it");
        }
      }
      return Records.at(number, number % 4 * HALF_AN_HOUR_MS);
    }

    @Override
    public void notifyCheckpointComplete(long id) {
      checkpoints++;
      since = 0;
    }
  }
}
