package dev.anabranch.topology;

import static dev.anabranch.topology.Documents.document;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpDocumentSourceTest {
  private DocumentServer server;

  @BeforeEach
  void start() throws IOException {
    server = new DocumentServer();
    server.text = document(1, "a");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void sendsTheTagAndGivesTheSameObjectWhereNothingChanged() throws Exception {
    HttpDocumentSource source = new HttpDocumentSource(server.url());
    Document first = source.read(null);
    assertThat(first.text()).isEqualTo(server.text);
    assertThat(source.read(first)).isSameAs(first);
    server.text = document(2, "a");
    assertThat(source.read(first).text()).isEqualTo(server.text);
    assertThat(server.conditions).containsExactly("null", first.tag(), first.tag());
  }

  @Test
  void worksWithoutTags() throws Exception {
    server.hasTags = false;
    HttpDocumentSource source = new HttpDocumentSource(server.url());
    Document first = source.read(null);
    assertThat(source.read(first)).isSameAs(first);
  }

  @Test
  void refusesEverythingButADocument() {
    HttpDocumentSource source = new HttpDocumentSource(server.url());
    for (int status : new int[] {500, 404, 304, 204}) {
      server.instead = exchange -> exchange.sendResponseHeaders(status, -1);
      assertThatThrownBy(() -> source.read(null))
          .isInstanceOf(IOException.class)
          .hasMessage("GET was answered with status " + status);
    }
  }

  @Test
  void endsAtItsTimeOuts() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    HttpDocumentSource silent =
        new HttpDocumentSource(server.url(), Duration.ofMillis(300), Duration.ofSeconds(60));
    HttpDocumentSource trickling =
        new HttpDocumentSource(server.url(), Duration.ofSeconds(60), Duration.ofSeconds(1));
    try {
      server.instead = exchange -> await(release);
      assertThatThrownBy(() -> silent.read(null)).hasMessageContaining("timed out");
      server.instead =
          exchange -> {
            exchange.sendResponseHeaders(200, 0);
            OutputStream body = exchange.getResponseBody();
            while (release.getCount() > 0) {
              body.write('#');
              body.flush();
              sleep();
            }
          };
      assertThatThrownBy(() -> trickling.read(null)).hasMessage("no whole answer within 1 s");
    } finally {
      release.countDown();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\nX-Slow: ",
        "HTTP/1.1 302 Found\r\nX-Slow: ",
        "HTTP/1.1 200 OK\r\n%sContent-Length: 100000\r\n\r\n"
      })
  void endsAtItsDeadlineWhateverTrickles(String head) throws Exception {
    try (TrickleServer trickling = new TrickleServer(head)) {
      HttpDocumentSource source =
          new HttpDocumentSource(trickling.url(), Duration.ofSeconds(60), Duration.ofSeconds(1));
      long start = System.nanoTime();
      assertThatThrownBy(() -> source.read(null)).hasMessage("no whole answer within 1 s");
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
      Await.until(() -> trickling.hungUp);
      Await.until(() -> exchanges().isEmpty());
      // The next one begins anew.
      assertThatThrownBy(() -> source.read(null)).hasMessage("no whole answer within 1 s");
    }
  }

  @Test
  void gathersNoThreadsWhereNoneCanBeEnded() throws Exception {
    // Of a chunk that trickles the JDK holds a lock that the end of the connection needs.
    try (TrickleServer trickling =
        new TrickleServer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")) {
      HttpDocumentSource source =
          new HttpDocumentSource(trickling.url(), Duration.ofSeconds(60), Duration.ofSeconds(1));
      assertThatThrownBy(() -> source.read(null)).hasMessage("no whole answer within 1 s");
      assertThatThrownBy(() -> source.read(null))
          .hasMessage("an exchange that was given up has not ended yet");
      assertThat(exchanges()).hasSizeLessThanOrEqualTo(2);
    }
    Await.until(() -> exchanges().isEmpty());
  }

  @Test
  void whoIsInterruptedDoesNotWaitForTheDeadline() throws Exception {
    try (TrickleServer trickling = new TrickleServer("HTTP/1.1 200 OK\r\nX-Slow: ")) {
      HttpDocumentSource source =
          new HttpDocumentSource(trickling.url(), Duration.ofSeconds(60), Duration.ofSeconds(60));
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> source.read(null)).isInstanceOf(InterruptedIOException.class);
      assertThat(Thread.interrupted()).isTrue();
      Await.until(() -> exchanges().isEmpty());
    }
  }

  private static List<String> exchanges() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("topology-exchange") || name.startsWith("topology-cut"))
        .toList();
  }

  @Test
  void refusesACutAnswer() {
    byte[] whole = server.text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    server.instead =
        exchange -> {
          exchange.sendResponseHeaders(200, whole.length + 30);
          exchange.getResponseBody().write(whole);
          exchange.getResponseBody().flush();
          // Closing the exchange now closes the connection, for bytes are missing.
        };
    assertThatThrownBy(() -> new HttpDocumentSource(server.url()).read(null))
        .isInstanceOf(IOException.class)
        .hasMessage("the answer ended after %d of %d bytes", whole.length, whole.length + 30);
  }

  @Test
  void refusesWhatIsTooLarge() {
    server.text = "#".repeat(DocumentSource.MAX_BYTES + 1);
    assertThatThrownBy(() -> new HttpDocumentSource(server.url()).read(null))
        .hasMessageContaining("bytes");
  }

  @Test
  void sendsUserInfoAndShowsNone() throws Exception {
    String signed = server.url().replace("http://", "http://user:hun%20ter2@") + "?sig=hunter3";
    assertThat(new HttpDocumentSource(signed).where()).isEqualTo(server.url());
    assertThat(new TopologyReader(signed).read().generation()).isEqualTo(1);
    assertThat(server.authorizations).containsExactly("Basic dXNlcjpodW4gdGVyMg==");
    server.text = "generation: 0";
    assertThatThrownBy(() -> new TopologyReader(signed).read())
        .isInstanceOf(TopologyException.class)
        .hasMessageStartingWith(server.url() + ":1: ")
        .hasMessageNotContainingAny("hunter", "hun%20");
    assertThat(new HttpDocumentSource("http://my_host:81/t").where())
        .isEqualTo("http://my_host:81/t");
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void sleep() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
