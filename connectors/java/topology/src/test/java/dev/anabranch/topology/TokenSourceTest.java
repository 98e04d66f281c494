package dev.anabranch.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.security.auth.SaslExtensionsCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who waits for a token, who never does, and the thread that renews it. */
class TokenSourceTest {
  private static final String SCOPE = "scope";

  @TempDir Path folder;
  private TokenServer service;
  private WorkloadIdentity identity;
  private TokenSource source;
  private final List<WorkloadIdentityLogin> logins = new ArrayList<>();

  @BeforeEach
  void startService() throws Exception {
    service = new TokenServer(folder);
    Path token = Files.writeString(folder.resolve("token"), "fed.era.ted");
    identity = new WorkloadIdentity("client", "tenant", token.toString(), service.authority());
    source = TokenSource.of(identity, SCOPE, service.ca());
  }

  @AfterEach
  void endsItsThread() throws InterruptedException {
    logins.forEach(WorkloadIdentityLogin::close);
    logins.forEach(WorkloadIdentityLogin::close);
    Await.until(() -> keepers() == 0);
    service.close();
  }

  @Test
  void clientsOfEqualSettingsShareATokenThatIsAskedForOnce() throws Exception {
    TokenSource.of(identity, SCOPE, service.ca()).await();
    source.await();
    WorkloadIdentityLogin one = login();
    OAuthBearerTokenCallback first = asked(one);
    OAuthBearerTokenCallback again = asked(one);
    assertThat(first.token().value()).isEqualTo("ac.cess.token");
    assertThat(first.token().toString()).isEqualTo("access token of client");
    assertThat(again.token().value()).isEqualTo("ac.cess.token");
    // Kafka takes the one that it has out of a login, after it has put the new one in.
    assertThat(again.token()).isNotSameAs(first.token());
    assertThat(asked(login()).token().value()).isEqualTo("ac.cess.token");
    assertThat(service.requests).hasSize(1);
    assertThat(keepers()).isEqualTo(1);
  }

  @Test
  void aLoginNeverWaits() throws Exception {
    service.silent = true;
    WorkloadIdentityLogin login = login();
    Await.until(() -> !service.requests.isEmpty());
    long begun = System.nanoTime();
    OAuthBearerTokenCallback callback = asked(login);
    login.close();
    assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(1));
    assertThat(callback.token()).isNull();
    assertThat(callback.errorDescription()).isEqualTo("there is no access token yet");
  }

  @Test
  void aTokenIsRenewedAsLongAsSomebodyIsLoggedIn() throws Exception {
    service.answer = TokenServer.given("first", 3);
    source.await();
    login();
    WorkloadIdentityLogin other = login();
    logins.remove(0).close();
    service.answer = TokenServer.given("second", 3);
    Await.until(() -> "second".equals(valueOf(source.held())));
    assertThat(asked(other).token().value()).isEqualTo("second");
    other.close();
    Await.until(() -> keepers() == 0);
    int asked = service.requests.size();
    Thread.sleep(3_000);
    assertThat(service.requests).hasSize(asked);
    assertThat(source.held()).isNull();
    // And anew for the next client.
    source.await();
    assertThat(valueOf(source.held())).isEqualTo("second");
  }

  @Test
  void theOneThatThereIsIsGoodWhileTheServiceIsDown() throws Exception {
    service.answer = TokenServer.given("first", 6);
    source.await();
    WorkloadIdentityLogin login = login();
    service.status = 503;
    Await.until(() -> source.problem().endsWith("status 503"));
    source.await();
    assertThat(asked(login).token().value()).isEqualTo("first");
    Await.until(() -> source.held() == null);
    String why = "the token service " + service.authority() + " gives no access token: status 503";
    assertThat(asked(login).errorDescription()).isEqualTo(why);
    assertThatThrownBy(source::await).isInstanceOf(TopologyException.class).hasMessage(why);
    service.status = 200;
    service.answer = TokenServer.given("second", 60);
    Await.until(() -> source.held() != null);
    assertThat(asked(login).token().value()).isEqualTo("second");
  }

  @Test
  void thoseWhoWaitedForOneThatFailedDoNotWaitAgain() throws Exception {
    service.silent = true;
    List<String> told = new CopyOnWriteArrayList<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      threads.add(waiting(told));
    }
    for (Thread thread : threads) {
      thread.join(20_000);
    }
    String why = "the token service " + service.authority() + " gives no access token: no answer";
    assertThat(told).hasSize(5).containsOnly(why);
    assertThat(service.requests).hasSize(1);
  }

  @Test
  void whoWaitsCanBeInterrupted() throws Exception {
    service.silent = true;
    List<String> told = new CopyOnWriteArrayList<>();
    Thread asks = waiting(told);
    Await.until(() -> !service.requests.isEmpty());
    Thread waits = waiting(told);
    Await.until(() -> waits.getState() == Thread.State.WAITING);
    long begun = System.nanoTime();
    waits.interrupt();
    waits.join(20_000);
    asks.interrupt();
    asks.join(20_000);
    assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(3));
    assertThat(told).containsExactly("interrupted", "interrupted");
    assertThat(source.problem()).isEqualTo("there is no access token yet");
  }

  @Test
  void hasNoExtensions() throws Exception {
    SaslExtensionsCallback callback = new SaslExtensionsCallback();
    login().handle(new Callback[] {callback});
    assertThat(callback.extensions().map()).isEmpty();
  }

  private Thread waiting(List<String> told) {
    Thread thread =
        new Thread(
            () -> {
              try {
                source.await();
              } catch (TopologyException e) {
                told.add(e.getMessage());
              } catch (InterruptException e) {
                told.add(Thread.currentThread().isInterrupted() ? "interrupted" : "lost");
              }
            });
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private WorkloadIdentityLogin login() {
    Map<String, String> options = identity.options();
    options.put(WorkloadIdentityLogin.SCOPE, SCOPE);
    options.put(WorkloadIdentityLogin.TOKEN_CA, service.ca());
    WorkloadIdentityLogin login = new WorkloadIdentityLogin();
    AppConfigurationEntry entry =
        new AppConfigurationEntry(
            "any", AppConfigurationEntry.LoginModuleControlFlag.REQUIRED, options);
    login.configure(Map.of(), "OAUTHBEARER", List.of(entry));
    logins.add(login);
    return login;
  }

  private static OAuthBearerTokenCallback asked(WorkloadIdentityLogin login) throws Exception {
    OAuthBearerTokenCallback callback = new OAuthBearerTokenCallback();
    login.handle(new Callback[] {callback});
    return callback;
  }

  private static String valueOf(AccessToken token) {
    return token == null ? null : token.value();
  }

  private static long keepers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("kafka-tokens"))
        .count();
  }
}
