package dev.anabranch.topology;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.UUID;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.jspecify.annotations.Nullable;

/**
 * The last good document of one location, so that a restore never needs the publisher. The folder
 * may be any URI that Flink's file systems know; by default it is the one that Python uses too.
 */
final class TopologyCache {
  /** How often an unchanged document gets a new time: often enough for any sensible max_stale. */
  private static final Duration TOUCH_EVERY = Duration.ofSeconds(60);

  /** A document and when its location last confirmed it. */
  record Cached(Topology topology, Instant confirmed) {}

  private final Path file;
  private @Nullable String kept;
  private Instant keptAt = Instant.MIN;

  private TopologyCache(Path file) {
    this.file = file;
  }

  /** The cache of that location; null where there is no folder to keep it in. */
  static @Nullable TopologyCache of(String key, @Nullable String folder) {
    String parent = folder != null ? folder : defaultFolder();
    return parent == null ? null : new TopologyCache(new Path(parent, sha256(key) + ".yaml"));
  }

  private static @Nullable String defaultFolder() {
    String own = System.getenv("ANABRANCH_TOPOLOGY_CACHE");
    if (own != null && !own.isEmpty()) {
      return own;
    }
    String cache = System.getenv("XDG_CACHE_HOME");
    String home = System.getenv("HOME");
    if (cache == null || cache.isEmpty()) {
      cache = home == null || home.isEmpty() ? null : home + "/.cache";
    }
    return cache == null ? null : cache + "/anabranch/topology";
  }

  /** The last good document; null if there is none or it cannot be used. */
  @Nullable Cached load() {
    try {
      FileSystem fileSystem = file.getFileSystem();
      long changed = fileSystem.getFileStatus(file).getModificationTime();
      try (InputStream in = fileSystem.open(file)) {
        String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        return new Cached(TopologyParser.parse(text, where()), Instant.ofEpochMilli(changed));
      }
    } catch (IOException | RuntimeException e) {
      // A cache that cannot be used is as good as none.
      return null;
    }
  }

  /** Keeps a document that was just confirmed. */
  void keep(String text) throws IOException {
    Instant now = Instant.now();
    if (text.equals(kept) && Duration.between(keptAt, now).compareTo(TOUCH_EVERY) < 0) {
      return;
    }
    FileSystem fileSystem = file.getFileSystem();
    if (fileSystem.isDistributedFS()) {
      write(fileSystem, file, text);
    } else {
      Path temporary = file.suffix("." + UUID.randomUUID() + ".tmp");
      fileSystem.mkdirs(file.getParent());
      write(fileSystem, temporary, text);
      if (!fileSystem.rename(temporary, file)) {
        fileSystem.delete(temporary, false);
        throw new IOException("rename failed");
      }
    }
    kept = text;
    keptAt = now;
  }

  private static void write(FileSystem fileSystem, Path path, String text) throws IOException {
    try (FSDataOutputStream out = fileSystem.create(path, FileSystem.WriteMode.OVERWRITE)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.sync();
    }
  }

  String where() {
    return file.toString();
  }

  private static String sha256(String text) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }
}
