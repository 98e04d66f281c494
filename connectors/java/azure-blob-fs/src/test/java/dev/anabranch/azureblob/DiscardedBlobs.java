package dev.anabranch.azureblob;

import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The blobs of {@link DiscardServer}: names, lengths, versions and metadata. Conditions are heeded
 * and blocks that were never staged refused, as by Blob Storage; the bytes themselves are gone.
 */
final class DiscardedBlobs {
  /** Of two digits for the day, as HTTP has it, and the JDK's own of RFC 1123 has not. */
  private static final DateTimeFormatter HTTP_DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ENGLISH);

  private static final Pattern BLOCK = Pattern.compile("<(Latest|Uncommitted|Committed)>([^<]*)<");
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");
  private static final int PAGE = 5000;
  private static final String METADATA = "x-ms-meta-";

  private final TreeMap<String, Blob> blobs = new TreeMap<>();
  private final Map<String, Map<String, Long>> staged = new HashMap<>();
  private long versions;

  private record Blob(
      long length,
      String version,
      String modified,
      Map<String, String> metadata,
      Map<String, Long> blocks) {}

  /**
   * Does what is asked.
   *
   * @param body of a list of blocks; of anything else only its length is of interest
   */
  synchronized BlobAnswer answer(BlobRequest request, String body) {
    String path = request.path();
    int afterContainer = path.indexOf('/', path.indexOf('/', 1) + 1);
    if (request.asks("comp", "list")) {
      return list(request, path + "/");
    }
    if (afterContainer < 0) {
      return BlobAnswer.of(201);
    }
    return switch (request.method()) {
      case "PUT" -> put(request, path, body);
      case "GET" -> get(request, path);
      case "HEAD" -> head(path);
      case "DELETE" -> blobs.remove(path) == null ? absent() : BlobAnswer.of(202);
      default -> BlobAnswer.error(405, "UnsupportedHttpVerb");
    };
  }

  private BlobAnswer put(BlobRequest request, String path, String body) {
    if (request.asks("comp", "block")) {
      staged
          .computeIfAbsent(path, p -> new HashMap<>())
          .put(request.query().get("blockid"), request.bodyLength());
      return BlobAnswer.of(201).with("x-ms-request-server-encrypted", "true");
    }
    if (request.header("if-none-match", "").equals("*") && blobs.containsKey(path)) {
      return BlobAnswer.error(409, "BlobAlreadyExists");
    }
    if (request.headers().containsKey("x-ms-copy-source")) {
      return copy(request, path);
    }
    if (request.asks("comp", "blocklist")) {
      return commit(request, path, body);
    }
    return made(request, path, request.bodyLength(), Map.of());
  }

  private BlobAnswer commit(BlobRequest request, String path, String body) {
    Blob before = blobs.get(path);
    Map<String, Long> known = new HashMap<>(before == null ? Map.of() : before.blocks());
    known.putAll(staged.getOrDefault(path, Map.of()));
    Map<String, Long> blocks = new HashMap<>();
    long length = 0;
    for (Matcher id = BLOCK.matcher(body); id.find(); ) {
      Long bytes = known.get(id.group(2));
      if (bytes == null) {
        return BlobAnswer.error(400, "InvalidBlockList");
      }
      blocks.put(id.group(2), bytes);
      length += bytes;
    }
    return made(request, path, length, blocks);
  }

  private BlobAnswer copy(BlobRequest request, String path) {
    String source = request.headers().get("x-ms-copy-source");
    String encoded = source.substring(source.indexOf('/', "https://".length()));
    Blob from = blobs.get(BlobRequest.decodedPath(encoded));
    if (from == null) {
      return absent();
    }
    BlobAnswer answer = made(request, path, from.length(), from.blocks());
    BlobAnswer accepted = BlobAnswer.of(202);
    accepted.headers().putAll(answer.headers());
    return accepted.with("x-ms-copy-id", "1").with("x-ms-copy-status", "success");
  }

  private BlobAnswer made(BlobRequest request, String path, long length, Map<String, Long> blocks) {
    Map<String, String> metadata = new HashMap<>();
    request
        .headers()
        .forEach(
            (name, value) -> {
              if (name.startsWith(METADATA)) {
                metadata.put(name.substring(METADATA.length()), value);
              }
            });
    String now = HTTP_DATE.format(ZonedDateTime.now(ZoneOffset.UTC));
    Blob blob = new Blob(length, "\"0x" + ++versions + "\"", now, metadata, blocks);
    blobs.put(path, blob);
    staged.remove(path);
    return versioned(BlobAnswer.of(201), blob).with("x-ms-request-server-encrypted", "true");
  }

  private BlobAnswer get(BlobRequest request, String path) {
    Blob blob = blobs.get(path);
    if (blob == null) {
      return absent();
    }
    String wanted = request.headers().get("if-match");
    if (wanted != null && !wanted.equals(blob.version())) {
      return BlobAnswer.error(412, "ConditionNotMet");
    }
    Matcher range = RANGE.matcher(request.header("x-ms-range", request.header("range", "")));
    if (!range.matches()) {
      return described(BlobAnswer.of(200), blob).bytes(0, blob.length());
    }
    long begin = Long.parseLong(range.group(1));
    if (begin >= blob.length()) {
      return BlobAnswer.error(416, "InvalidRange");
    }
    long last = range.group(2).isEmpty() ? Long.MAX_VALUE : Long.parseLong(range.group(2));
    last = Math.min(last, blob.length() - 1);
    return described(BlobAnswer.of(206), blob)
        .with("Content-Range", "bytes " + begin + "-" + last + "/" + blob.length())
        .bytes(begin, last - begin + 1);
  }

  private BlobAnswer head(String path) {
    Blob blob = blobs.get(path);
    return blob == null
        ? BlobAnswer.of(404).with("x-ms-error-code", "BlobNotFound")
        : described(BlobAnswer.of(200), blob).bytes(0, blob.length());
  }

  private BlobAnswer list(BlobRequest request, String container) {
    String prefix = container + request.query().getOrDefault("prefix", "");
    String delimiter = request.query().getOrDefault("delimiter", "");
    int most = Integer.parseInt(request.query().getOrDefault("maxresults", "" + PAGE));
    String from = request.query().getOrDefault("marker", "");
    Map<String, String> found = new TreeMap<>();
    String marker = "";
    for (Map.Entry<String, Blob> each :
        blobs.tailMap(from.isEmpty() ? prefix : container + from).entrySet()) {
      if (!each.getKey().startsWith(prefix)) {
        break;
      }
      if (found.size() == most) {
        marker = each.getKey().substring(container.length());
        break;
      }
      String name = each.getKey().substring(container.length());
      int end = delimiter.isEmpty() ? -1 : each.getKey().indexOf(delimiter, prefix.length());
      if (end < 0) {
        found.put(name, element(name, each.getValue()));
      } else {
        String directory = each.getKey().substring(container.length(), end + delimiter.length());
        found.put(directory, "<BlobPrefix>" + tag("Name", directory) + "</BlobPrefix>");
      }
    }
    return BlobAnswer.text(
        200,
        "application/xml",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>"
            + String.join("", found.values())
            + "</Blobs>"
            + tag("NextMarker", marker)
            + "</EnumerationResults>");
  }

  private static String element(String name, Blob blob) {
    StringBuilder metadata = new StringBuilder();
    blob.metadata().forEach((key, value) -> metadata.append(tag(key, value)));
    return "<Blob>%s<Properties>%s%s%s%s</Properties><Metadata>%s</Metadata></Blob>"
        .formatted(
            tag("Name", name),
            tag("Last-Modified", blob.modified()),
            tag("Etag", blob.version()),
            tag("Content-Length", Long.toString(blob.length())),
            tag("BlobType", "BlockBlob"),
            metadata);
  }

  private static String tag(String name, String text) {
    String escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    return "<%s>%s</%s>".formatted(name, escaped, name);
  }

  private static BlobAnswer absent() {
    return BlobAnswer.error(404, "BlobNotFound");
  }

  private static BlobAnswer described(BlobAnswer answer, Blob blob) {
    blob.metadata()
        .forEach((key, value) -> answer.with(METADATA + key.toLowerCase(Locale.ROOT), value));
    return versioned(answer, blob)
        .with("x-ms-blob-type", "BlockBlob")
        .with("Accept-Ranges", "bytes");
  }

  private static BlobAnswer versioned(BlobAnswer answer, Blob blob) {
    return answer.with("ETag", blob.version()).with("Last-Modified", blob.modified());
  }
}
