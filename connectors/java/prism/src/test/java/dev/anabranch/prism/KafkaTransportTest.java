package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LoggedText;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.junit.jupiter.api.Test;

class KafkaTransportTest {
  private static final String SILENT = "no broker of it answers, or none has topic t";
  private final List<String> troubles = new CopyOnWriteArrayList<>();

  private final Transport.Listener listener =
      new Transport.Listener() {
        @Override
        public void ready(String cluster) {
          throw new AssertionError(cluster);
        }

        @Override
        public void unready(String trouble) {
          troubles.add(trouble);
        }
      };

  @Test
  void aPrimaryThatIsDownFromTheStartIsLoggedOnce() throws Exception {
    Properties nobody = new Properties();
    nobody.put("bootstrap.servers", "127.0.0.1:1");
    nobody.put("max.block.ms", "0");
    try (LoggedText log = new LoggedText()) {
      Transport transport = new KafkaTransport("a", "t", () -> nobody, listener);
      String line = "primary a takes no records: " + SILENT;
      Await.until(() -> log.soFar().contains(line), Duration.ofSeconds(30));
      Thread.sleep(500);
      transport.close();
      transport.awaitClosed(Duration.ofSeconds(10));
      assertThat(log.soFar()).containsOnlyOnce(line);
    }
    assertThat(troubles).containsExactly(SILENT);
  }

  @Test
  void whatIsRefusedIsLoggedOnceHoweverOftenItIsTried() throws Exception {
    try (LoggedText log = new LoggedText()) {
      Transport transport =
          new KafkaTransport(
              "a",
              "t",
              () -> {
                throw new SaslAuthenticationException("wrong password");
              },
              listener);
      Thread.sleep(2_500);
      transport.close();
      transport.awaitClosed(Duration.ofSeconds(10));
      assertThat(log.soFar())
          .containsOnlyOnce(
              "primary a takes no records: SaslAuthenticationException: wrong password");
    }
    assertThat(troubles).containsExactly("SaslAuthenticationException: wrong password");
  }
}
