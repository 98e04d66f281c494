package dev.anabranch.topology;

import static dev.anabranch.topology.Documents.document;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

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
