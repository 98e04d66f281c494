package dev.anabranch.union;

import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A password that is changed, at the broker first, parks a primary until its file is, too. */
class RotationTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  /**
   * The second listener asks for a password, and every two seconds anew; the test uses the first.
   */
  private static final Map<String, String> GUARDED =
      Map.of(
          "listener.security.protocol.map",
          "PLAINTEXT:PLAINTEXT,LINK:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
          "sasl.enabled.mechanisms",
          "SCRAM-SHA-256",
          "listener.name.link.scram-sha-256.sasl.jaas.config",
          "org.apache.kafka.common.security.scram.ScramLoginModule required;",
          "listener.name.link.scram-sha-256.connections.max.reauth.ms",
          "2000");

  @TempDir Path directory;

  @Test
  void aJobThatRunsReadsTheNewPassword() throws Exception {
    Path password = Files.writeString(directory.resolve("password"), "first");
    try (LocalBroker guarded = LocalBroker.start("guarded", GUARDED)) {
      letIn(guarded, "first");
      guarded.createTopic("rotation", 1);
      FIXTURE.b().createTopic("rotation", 1);
      TopologyFile topology =
          new TopologyFile(directory, "rotation")
              .primary("a", guarded.link().bootstrap(), scram(password))
              .primary("b", FIXTURE.b().bootstrap())
              .publish();
      List<String> written = new ArrayList<>(TestProducer.write(guarded, "rotation", 1, "a", 100));
      written.addAll(TestProducer.write(FIXTURE.b(), "rotation", 1, "b", 100));
      UnionJob job = UnionFixture.start(topology, 1, directory);
      job.awaitExactly(written);

      letIn(guarded, "second");
      job.awaitDown("a");
      List<String> unread = TestProducer.write(guarded, "rotation", 1, "unread", 100);
      written.addAll(TestProducer.write(FIXTURE.b(), "rotation", 1, "meanwhile", 100));
      job.awaitExactly(written);

      Files.writeString(password, "second");
      written.addAll(unread);
      job.awaitExactly(written);
      job.cancel();
    }
  }

  private static String scram(Path password) {
    return "{type: scram, mechanism: SCRAM-SHA-256, tls: false, username: alice, password: \"file:"
        + password
        + "\"}";
  }

  private static void letIn(LocalBroker broker, String password) throws Exception {
    ScramCredentialInfo info = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
    byte[] bytes = password.getBytes(StandardCharsets.UTF_8);
    try (Admin admin = broker.admin()) {
      admin
          .alterUserScramCredentials(
              List.of(new UserScramCredentialUpsertion("alice", info, bytes)))
          .all()
          .get();
    }
  }
}
