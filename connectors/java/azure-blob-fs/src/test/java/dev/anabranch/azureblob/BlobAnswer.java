package dev.anabranch.azureblob;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * An answer of {@link DiscardServer}. Of a blob that was discarded the bytes are made up: what they
 * are follows from their place in it, so that a reader can tell whether it got the right ones.
 *
 * @param body sent as it is
 * @param begin the place in the blob from which bytes are made up
 * @param length how many; announced and not sent to who asks by HEAD
 */
record BlobAnswer(int status, Map<String, String> headers, byte[] body, long begin, long length) {
  private static final int PERIOD = 64 * 1024;
  private static final byte[] BYTES = new byte[PERIOD];
  private static final byte[] NOTHING = new byte[0];

  static {
    new Random(1).nextBytes(BYTES);
  }

  static BlobAnswer of(int status) {
    return new BlobAnswer(status, new LinkedHashMap<>(), NOTHING, 0, 0);
  }

  static BlobAnswer text(int status, String type, String text) {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    return new BlobAnswer(status, new LinkedHashMap<>(), body, 0, 0).with("Content-Type", type);
  }

  static BlobAnswer error(int status, String code) {
    String xml =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>" + code + "</Code></Error>";
    return text(status, "application/xml", xml).with("x-ms-error-code", code);
  }

  /** With bytes of a blob. */
  BlobAnswer bytes(long from, long count) {
    return new BlobAnswer(status, headers, body, from, count);
  }

  BlobAnswer with(String header, String value) {
    headers.put(header, value);
    return this;
  }

  /** The byte at this place of any blob. */
  static byte byteAt(long place) {
    return BYTES[(int) (place % PERIOD)];
  }

  /** Sends it. */
  void write(OutputStream out, boolean withBody) throws IOException {
    StringBuilder head = new StringBuilder("HTTP/1.1 ").append(status).append(" -\r\n");
    headers.forEach((name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
    head.append("Content-Length: ").append(body.length + length).append("\r\n\r\n");
    out.write(head.toString().getBytes(StandardCharsets.UTF_8));
    if (withBody) {
      out.write(body);
      writeBytes(out);
    }
    out.flush();
  }

  private void writeBytes(OutputStream out) throws IOException {
    long at = begin;
    long end = begin + length;
    while (at < end) {
      int from = (int) (at % PERIOD);
      int part = (int) Math.min(end - at, PERIOD - from);
      out.write(BYTES, from, part);
      at += part;
    }
  }
}
