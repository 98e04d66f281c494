package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RawRecord;
import java.nio.file.Path;
import java.time.Duration;
import org.assertj.core.api.AbstractThrowableAssert;

/** A read to the present ends that is stopped midway, and then does not get there. */
final class BoundedRead {
  private final String stream;
  private final Path directory;
  private final UnionSourceBuilder<RawRecord> source;

  /** It gives up after three seconds. */
  BoundedRead(TopologyFile topology, Path directory) {
    this.stream = topology.stream();
    this.directory = directory;
    this.source =
        UnionFixture.source(topology)
            .stop(StopPosition.latest())
            .boundedDeadline(Duration.ofSeconds(3));
  }

  /** Reads slowly, and stops once it has so many; returns the savepoint. */
  String stopMidway(int pauseMs, int count) throws Exception {
    UnionSource<RawRecord> slow = source.deserializer(new SlowEmitter(pauseMs)).build();
    UnionJob job = UnionJob.start(stream, slow, 1, directory, null);
    job.awaitCount(count);
    return job.stop();
  }

  /** Goes on from there, and fails. */
  AbstractThrowableAssert<?, ? extends Throwable> assertThatItFails(String savepoint)
      throws Exception {
    UnionSource<RawRecord> quick = source.deserializer(RecordDeserializer.raw()).build();
    UnionJob restored = UnionJob.start(stream, quick, 1, directory, savepoint);
    return assertThatThrownBy(restored::awaitFinished)
        .hasStackTraceContaining(
            "bounded read of stream " + stream + ": not read to their end within 3 s");
  }
}
