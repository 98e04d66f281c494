package dev.anabranch.topology;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * GET with {@code If-None-Match}, within time-outs that hold also against a server that trickles.
 */
final class HttpDocumentSource implements DocumentSource {
  private static final Duration SOCKET_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration DEADLINE = Duration.ofSeconds(15);

  private final URI uri;
  private final String login;
  private final String address;
  private final Duration socketTimeout;
  private final BoundedExchange exchange;

  HttpDocumentSource(String url) {
    this(url, SOCKET_TIMEOUT, DEADLINE);
  }

  HttpDocumentSource(String url, Duration socketTimeout, Duration deadline) {
    try {
      this.uri = URI.create(url);
    } catch (IllegalArgumentException e) {
      throw new TopologyException("the topology's location is not a URL");
    }
    // Not getHost and getUserInfo: they are null where a name has an underscore.
    String authority = uri.getRawAuthority() == null ? "" : uri.getRawAuthority();
    int at = authority.lastIndexOf('@');
    this.login = authority.substring(0, Math.max(at, 0));
    this.address = authority.substring(at + 1);
    this.socketTimeout = socketTimeout;
    this.exchange = new BoundedExchange(deadline);
  }

  @Override
  public Document read(@Nullable Document known) throws IOException {
    // No connection pool to keep and no client to stop: a poll is rare.
    HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
    return exchange.run(connection, () -> read(connection, known));
  }

  private Document read(HttpURLConnection connection, @Nullable Document known) throws IOException {
    try {
      connection.setConnectTimeout((int) socketTimeout.toMillis());
      connection.setReadTimeout((int) socketTimeout.toMillis());
      connection.setUseCaches(false);
      // Else a thread of the JDK's reads on what is given up, to use the connection again.
      connection.setRequestProperty("Connection", "close");
      connection.setRequestProperty("Accept", "application/yaml, application/json, */*");
      if (!login.isEmpty()) {
        byte[] bytes =
            URLDecoder.decode(login, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
        connection.setRequestProperty(
            "Authorization", "Basic " + Base64.getEncoder().encodeToString(bytes));
        // Not for whom a redirect names.
        connection.setInstanceFollowRedirects(false);
      }
      if (known != null && !known.tag().isEmpty()) {
        connection.setRequestProperty("If-None-Match", known.tag());
      }
      int status = connection.getResponseCode();
      if (status == HttpURLConnection.HTTP_NOT_MODIFIED && known != null) {
        return known;
      }
      if (status != HttpURLConnection.HTTP_OK) {
        throw new IOException("GET was answered with status " + status);
      }
      return document(connection, known);
    } finally {
      connection.disconnect();
    }
  }

  private Document document(HttpURLConnection connection, @Nullable Document known)
      throws IOException {
    String tag = connection.getHeaderField("ETag");
    try (InputStream in = connection.getInputStream()) {
      String text = text(in, connection.getContentLengthLong());
      Document found = new Document(text, tag == null ? "" : tag);
      return found.equals(known) ? known : found;
    }
  }

  private String text(InputStream in, long announced) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
      bytes.write(buffer, 0, n);
      if (bytes.size() > MAX_BYTES) {
        throw new IOException("the answer has more than " + MAX_BYTES + " bytes");
      }
      exchange.check();
    }
    if (announced >= 0 && bytes.size() != announced) {
      // The JDK takes a cut answer for a whole one, and half a document may be valid.
      throw new IOException(
          "the answer ended after " + bytes.size() + " of " + announced + " bytes");
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Override
  public String where() {
    return uri.getScheme() + "://" + address + uri.getRawPath();
  }

  @Override
  public String key() {
    return uri.toString();
  }
}
