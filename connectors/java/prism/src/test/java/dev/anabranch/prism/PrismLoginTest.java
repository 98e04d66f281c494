package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.LocalBroker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A primary that refuses the log-in, as an expired certificate or a changed password makes it. */
@Timeout(120)
class PrismLoginTest {
  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @TempDir Path folder;

  /** The second listener asks for a password; the test itself uses the first. */
  private static final Map<String, String> GUARDED =
      Map.of(
          "listener.security.protocol.map",
          "PLAINTEXT:PLAINTEXT,LINK:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
          "sasl.enabled.mechanisms",
          "PLAIN",
          "listener.name.link.plain.sasl.jaas.config",
          "org.apache.kafka.common.security.plain.PlainLoginModule required user_alice=\"new\";");

  @Test
  void aRenewedSecretIsReadWithoutARestart() throws Exception {
    String stream = BROKERS.newName();
    Path password = folder.resolve("password");
    Files.writeString(password, "old");
    Ledger ledger = new Ledger(stream);
    try (LocalBroker guarded = LocalBroker.start("guarded", GUARDED)) {
      guarded.createTopic(stream, 1);
      BROKERS.b().createTopic(stream, 1);
      Path topology = folder.resolve("topology.yaml");
      Files.writeString(
          topology,
          """
          generation: 1
          groups:
            test:
              primaries:
                a:
                  bootstrap: ["%s"]
                  auth: {type: plain, username: alice, password: "file:%s", tls: false}
                b: {bootstrap: ["%s"]}
              streams:
                %s: {partitions: 1}
          """
              .formatted(guarded.link().bootstrap(), password, BROKERS.b().bootstrap(), stream));
      PrismOptions options = PrismOptions.builder().home("a").build();
      try (BlockingPrism prism = BlockingPrism.open(topology.toString(), stream, options)) {
        LaneStats a = prism.stats().get("a");
        ledger.send(prism, 500);
        prism.flush();
        assertThat(a.acknowledged()).isZero();
        Files.writeString(password, "new");
        ledger.sendUntil(prism, () -> a.acknowledged() > 50);
        prism.flush();
      }
      ledger.assertAllDelivered(Map.of("a", guarded, "b", BROKERS.b()));
    }
  }
}
