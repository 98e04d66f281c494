package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.FaultyLink;
import dev.anabranch.testkit.TestProducer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A primary that comes and goes a hundred times leaves nothing behind in those who read it. */
@Tag("long")
class FlapTest {
  private static final int FLAPS = 100;
  private static final int SETTLED = 20;

  /** What the JVM itself moves between two looks: class data, buffers, its own threads. */
  private static final long HEAP_SLACK = 24 << 20;

  private static final int SLACK = 8;

  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  @TempDir Path directory;

  /** What a leak would make grow. */
  private record Holdings(long heap, int threads, long files, int beans) {
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
            beans);
      }
    }
  }

  @Test
  void memoryThreadsAndFilesStayFlat() throws Exception {
    TopologyFile topology =
        FIXTURE
            .twoPrimaries(directory, "flaps", 2)
            .primary("b", FIXTURE.b().link().bootstrap())
            .publish();
    UnionJob job = UnionFixture.start(topology, 1, directory);
    List<String> written = new ArrayList<>();
    Holdings settled = null;
    for (int flap = 1; flap <= FLAPS; flap++) {
      written.addAll(TestProducer.write(FIXTURE.b(), "flaps", 2, "flap" + flap + "-", 20));
      job.awaitExactly(written);
      if (flap == SETTLED) {
        settled = Holdings.now();
      }
      flap(flap, topology, job);
    }
    written.addAll(TestProducer.write(FIXTURE.b(), "flaps", 2, "last-", 20));
    job.awaitExactly(written);
    Holdings last = Holdings.now();
    job.cancel();

    assertThat(last.heap()).isLessThan(settled.heap() + HEAP_SLACK);
    assertThat(last.threads()).isLessThan(settled.threads() + SLACK);
    assertThat(last.files()).isLessThan(settled.files() + SLACK);
    assertThat(last.beans()).isLessThanOrEqualTo(settled.beans() + SLACK);
  }

  /** In turn so short that clients only connect again, and so that all of them are made anew. */
  private static void flap(int number, TopologyFile topology, UnionJob job) throws Exception {
    FaultyLink link = FIXTURE.b().link();
    if (number % 2 == 0) {
      link.cut();
      Thread.sleep(300);
      link.open();
    } else {
      topology.removed("b", link.bootstrap()).publish();
      job.awaitParked("b");
      topology.primary("b", link.bootstrap()).publish();
    }
  }
}
