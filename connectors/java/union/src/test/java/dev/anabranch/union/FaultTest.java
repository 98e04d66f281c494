package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Something throws between a poll and the hand-over of its records, again and again. */
class FaultTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static final Map<String, AtomicInteger> CALLS = new ConcurrentHashMap<>();
  private static final Map<String, AtomicInteger> FAULTS = new ConcurrentHashMap<>();

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource(FetcherFaults.Moment.class)
  void losesAndDoublesNothing(FetcherFaults.Moment moment) throws Exception {
    String stream = "faults-" + moment.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    TopologyFile topology = FIXTURE.twoPrimaries(directory, stream, 2);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(FIXTURE.a(), stream, 2, "a", 600));
    written.addAll(TestProducer.write(FIXTURE.b(), stream, 2, "b", 600));

    UnionJob job =
        UnionJob.start(
            stream,
            UnionFixture.source(topology)
                .consumerProperty("max.poll.records", "50")
                .faults(everyThird(stream, moment))
                .build(),
            2,
            directory,
            null);
    job.awaitExactly(written);
    assertThat(FAULTS.get(stream).get()).isGreaterThan(3);
    job.cancel();
  }

  private static FetcherFaults everyThird(String stream, FetcherFaults.Moment moment) {
    CALLS.put(stream, new AtomicInteger());
    FAULTS.put(stream, new AtomicInteger());
    return (primary, at, records) -> {
      if (at == moment && CALLS.get(stream).incrementAndGet() % 3 == 0) {
        FAULTS.get(stream).incrementAndGet();
        throw new IllegalStateException("a fault that the test injected");
      }
    };
  }
}
