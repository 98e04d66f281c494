package dev.anabranch.azureblob;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request to Blob Storage as its first lines tell it; the body is still to be read.
 *
 * @param path decoded, such as {@code /account/container/blob}
 * @param headers by names in small letters
 */
record BlobRequest(
    String method, String path, Map<String, String> query, Map<String, String> headers) {

  /** The next one of a connection; null where it ends. */
  static @Nullable BlobRequest read(InputStream in) throws IOException {
    String first = line(in);
    if (first == null) {
      return null;
    }
    String[] words = first.split(" ");
    Map<String, String> headers = new HashMap<>();
    for (String line = line(in); !"".equals(line); line = line(in)) {
      if (line == null) {
        throw new EOFException("the connection ends within the headers");
      }
      int colon = line.indexOf(':');
      headers.put(
          line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
    }
    if (headers.containsKey("transfer-encoding")) {
      throw new IOException("a body without its length: " + first);
    }
    int mark = words[1].indexOf('?');
    String path = mark < 0 ? words[1] : words[1].substring(0, mark);
    String query = mark < 0 ? "" : words[1].substring(mark + 1);
    return new BlobRequest(words[0], decodedPath(path), pairs(query), headers);
  }

  /** How many bytes of body follow. */
  long bodyLength() {
    return Long.parseLong(header("content-length", "0"));
  }

  /** A header, or what stands for it where it is not there. */
  String header(String name, String otherwise) {
    return headers.getOrDefault(name, otherwise);
  }

  /** Whether the query has this pair. */
  boolean asks(String name, String value) {
    return value.equals(query.get(name));
  }

  /** A path as it is meant; a plus is a plus in it. */
  static String decodedPath(String path) {
    return decoded(path.replace("+", "%2B"));
  }

  private static Map<String, String> pairs(String query) {
    Map<String, String> found = new HashMap<>();
    for (String pair : query.split("&")) {
      int sign = pair.indexOf('=');
      found.put(
          sign < 0 ? pair : pair.substring(0, sign),
          sign < 0 ? "" : decoded(pair.substring(sign + 1)));
    }
    return found;
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }

  private static @Nullable String line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream(128);
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        return null;
      }
      if (c != '\r') {
        line.write(c);
      }
    }
    return line.toString(StandardCharsets.UTF_8);
  }
}
