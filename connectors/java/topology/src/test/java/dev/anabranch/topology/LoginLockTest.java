package dev.anabranch.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The token service of one primary is silent, and clients of another one are made and closed.
 * Kafka's clients log in under one lock of the JVM.
 */
class LoginLockTest {
  @TempDir Path folder;
  private TokenServer service;
  private final Map<String, String> environment = new HashMap<>();
  private final List<Thread> started = new ArrayList<>();

  @BeforeEach
  void startService() throws Exception {
    service = new TokenServer(folder);
    Path token = Files.writeString(folder.resolve("token"), "fed.era.ted");
    environment.put("AZURE_CLIENT_ID", "client");
    environment.put("AZURE_TENANT_ID", "tenant");
    environment.put("AZURE_FEDERATED_TOKEN_FILE", token.toString());
    environment.put("AZURE_AUTHORITY_HOST", service.authority());
    environment.put("P", "secret");
    // What is loaded and made at the first client is none of the times below.
    byPassword();
    byToken("first").close(Duration.ZERO);
    service.requests.clear();
  }

  @AfterEach
  void stopService() throws InterruptedException {
    service.close();
    for (Thread thread : started) {
      thread.join(20_000);
      assertThat(thread.isAlive()).isFalse();
    }
  }

  @Test
  void aFirstTokenHoldsUpNoClientOfAnotherPrimary() throws Exception {
    service.silent = true;
    for (int i = 0; i < 3; i++) {
      String scope = "scope-" + i;
      start(() -> byToken(scope).close(Duration.ZERO));
    }
    Await.until(() -> !service.requests.isEmpty());
    assertNobodyWaits();
  }

  @Test
  void norDoesANewTokenForClientsThatHaveOne() throws Exception {
    service.answer = TokenServer.given("ac.cess.token", 3);
    try (Admin one = byToken("one");
        Admin other = byToken("other")) {
      service.silent = true;
      Await.until(() -> service.requests.size() > 2);
      // Until Kafka wants new ones of both.
      Thread.sleep(500);
      // The one that does not ask now.
      Admin next = service.requests.get(2).contains("scope=one") ? other : one;
      start(() -> next.close(Duration.ZERO));
      Thread.sleep(1_000);
      assertNobodyWaits();
    }
  }

  private void assertNobodyWaits() {
    long begun = System.nanoTime();
    byPassword();
    assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(2));
  }

  private void byPassword() {
    Auth scram = new Auth.Scram("u", "env:P", null, false, null);
    client(scram).close(Duration.ZERO);
  }

  private Admin byToken(String scope) {
    return client(new Auth.Workload(scope, null, "file:" + service.ca()));
  }

  private Admin client(Auth auth) {
    Primary primary = new Primary(List.of("127.0.0.1:1"), null, auth);
    return Admin.create(KafkaClientProperties.of(primary, environment::get));
  }

  private void start(Runnable work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (RuntimeException e) {
                // There is no token for it.
              }
            });
    thread.setDaemon(true);
    thread.start();
    started.add(thread);
  }
}
