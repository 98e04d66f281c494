package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LoggedText;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.junit.jupiter.api.Test;

class KafkaTransportTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String SILENT = "no broker of it answers, or none has topic t";
  private static final String REFUSED = "SaslAuthenticationException: ";
  private static final String TOLD = "primary a takes no records: ";
  private final List<String> troubles = new CopyOnWriteArrayList<>();

  private final Transport.Listener listener =
      new Transport.Listener() {
        @Override
        public void ready(String cluster) {
          troubles.add("none, as cluster " + cluster);
        }

        @Override
        public void unready(String trouble) {
          troubles.add(trouble);
        }
      };

  @Test
  void aPrimaryThatIsDownFromTheStartIsLoggedOnce() throws Exception {
    AtomicInteger tries = new AtomicInteger();
    try (LoggedText log = new LoggedText();
        ServerSocket deaf = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread hangingUp = new Thread(() -> hangUp(deaf, tries), "hanging up");
      hangingUp.setDaemon(true);
      hangingUp.start();
      Properties nobody = new Properties();
      nobody.put("bootstrap.servers", "127.0.0.1:" + deaf.getLocalPort());
      nobody.put("max.block.ms", "0");
      nobody.put("reconnect.backoff.max.ms", "50");
      Transport transport = new KafkaTransport("a", "t", () -> nobody, listener);
      Await.until(() -> !told(log).isEmpty(), LIMIT);
      int before = tries.get();
      Await.until(() -> tries.get() >= before + 5, LIMIT);
      end(transport);
      assertThat(told(log)).containsExactly(SILENT);
    }
    assertThat(troubles).containsExactly(SILENT);
  }

  @Test
  void whatIsRefusedIsLoggedOnceHoweverOftenItIsTried() throws Exception {
    AtomicInteger tries = new AtomicInteger();
    try (LoggedText log = new LoggedText()) {
      Transport transport =
          new KafkaTransport(
              "a",
              "t",
              () -> {
                tries.incrementAndGet();
                throw new SaslAuthenticationException("wrong password");
              },
              listener);
      Await.until(() -> tries.get() >= 3, LIMIT);
      end(transport);
      assertThat(told(log)).containsExactly(REFUSED + "wrong password");
    }
    assertThat(troubles).containsExactly(REFUSED + "wrong password");
  }

  /** The listener is told what is so now; the log, that it has been so. */
  @Test
  void troublesThatTakeTurnsAreLoggedOnceEachAndToldEachTime() throws Exception {
    AtomicInteger tries = new AtomicInteger();
    try (LoggedText log = new LoggedText()) {
      Transport transport =
          new KafkaTransport(
              "a",
              "t",
              () -> {
                throw new SaslAuthenticationException("password " + tries.getAndIncrement() % 2);
              },
              listener);
      Await.until(() -> troubles.size() >= 3, LIMIT);
      end(transport);
      assertThat(told(log)).containsExactly(REFUSED + "password 0", REFUSED + "password 1");
    }
    assertThat(troubles.subList(0, 3))
        .containsExactly(REFUSED + "password 0", REFUSED + "password 1", REFUSED + "password 0");
  }

  /** All that the log was told of the primary, in full. */
  private static List<String> told(LoggedText log) {
    return log.soFar()
        .lines()
        .filter(line -> line.contains(TOLD))
        .map(line -> line.substring(line.indexOf(TOLD) + TOLD.length()))
        .toList();
  }

  private static void hangUp(ServerSocket deaf, AtomicInteger tries) {
    try {
      while (true) {
        deaf.accept().close();
        tries.incrementAndGet();
      }
    } catch (IOException e) {
      // The test is over and has closed it.
    }
  }

  /** Its thread is gone, so that nothing is told any more. */
  private static void end(Transport transport) throws Exception {
    transport.close();
    transport.awaitClosed(LIMIT);
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().equals("prism-t-a"));
  }
}
