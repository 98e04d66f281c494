package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.FaultyLink;
import dev.anabranch.testkit.TestProducer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;
import org.apache.flink.runtime.metrics.groups.AbstractMetricGroup;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A primary that comes and goes a hundred times leaves nothing behind in those who read it. */
@Tag("long")
class FlapTest {
  private static final int FLAPS = 100;

  /** So many in a row show what is held at most: it depends on who is just connecting. */
  private static final int WINDOW = 20;

  /** A leak of one producer's buffers would be more; class data and caches are less. */
  private static final long HEAP_SLACK = 8 << 20;

  private static final Duration LIMIT = Duration.ofSeconds(60);

  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  @TempDir Path directory;

  /** What a leak would make grow. */
  private record Holdings(long heap, int threads, long files, int beans, int metricGroups) {
    static Holdings now() throws IOException, JMException {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      int beans =
          ManagementFactory.getPlatformMBeanServer()
              .queryNames(new ObjectName("kafka.*:*"), null)
              .size();
      try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
        return new Holdings(
            runtime.totalMemory() - runtime.freeMemory(),
            ManagementFactory.getThreadMXBean().getThreadCount(),
            files.count(),
            beans,
            openGroups());
      }
    }

    /** The reporter forgets none, so that those that are closed have to be left out. */
    private static int openGroups() {
      return (int)
          UnionFixture.metrics().getMetricsByGroup().keySet().stream()
              .filter(group -> !((AbstractMetricGroup<?>) group).isClosed())
              .count();
    }

    Holdings atMost(Holdings other) {
      return new Holdings(
          Math.max(heap, other.heap),
          Math.max(threads, other.threads),
          Math.max(files, other.files),
          Math.max(beans, other.beans),
          Math.max(metricGroups, other.metricGroups));
    }
  }

  @Test
  void memoryThreadsAndFilesStayFlat() throws Exception {
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, "flaps", 2);
    UnionJob job = UnionFixture.start(topology, 1, directory);
    List<String> written = new ArrayList<>();
    Holdings early = new Holdings(0, 0, 0, 0, 0);
    Holdings late = early;
    for (int flap = 1; flap <= FLAPS; flap++) {
      written.addAll(TestProducer.write(FIXTURE.b(), "flaps", 2, "flap" + flap + "-", 20));
      job.awaitExactly(written);
      if (flap <= WINDOW) {
        early = early.atMost(Holdings.now());
      } else if (flap > FLAPS - WINDOW) {
        late = late.atMost(Holdings.now());
      }
      flap(flap, topology, job);
      written.addAll(TestProducer.write(FIXTURE.b(), "flaps", 2, "back" + flap + "-", 20));
      job.awaitExactly(written);
      cutBriefly();
    }
    written.addAll(TestProducer.write(FIXTURE.b(), "flaps", 2, "last-", 20));
    job.awaitExactly(written);
    job.cancel();

    assertThat(late.heap()).isLessThan(early.heap() + HEAP_SLACK);
    // One thread or file of a hundred flaps would be eighty more; the JVM's own come and go.
    assertThat(late.threads()).isLessThan(early.threads() + WINDOW);
    assertThat(late.files()).isLessThan(early.files() + WINDOW);
    assertThat(late.beans()).isLessThan(early.beans() + WINDOW);
    assertThat(late.metricGroups()).isLessThan(early.metricGroups() + WINDOW);
  }

  /** In turn out of reach and out of the document, each for so long that its readers let it go. */
  private static void flap(int number, TopologyFile topology, UnionJob job) throws Exception {
    FaultyLink link = FIXTURE.b().link();
    if (number % 2 == 0) {
      link.cut();
      job.awaitDown("b");
      link.open();
    } else {
      Await.until(() -> job.sum("primary\\.b\\.parked") == 0, LIMIT);
      topology.removed("b", link.bootstrap()).publish();
      job.awaitParked("b");
      topology.primary("b", link.bootstrap()).publish();
    }
  }

  /** So short that its clients only connect again. */
  private static void cutBriefly() throws InterruptedException {
    FaultyLink link = FIXTURE.b().link();
    link.cut();
    Thread.sleep(300);
    link.open();
  }
}
