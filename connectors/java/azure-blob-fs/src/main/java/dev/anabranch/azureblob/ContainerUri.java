package dev.anabranch.azureblob;

import java.io.IOException;
import java.net.URI;
import org.apache.flink.core.fs.Path;

/**
 * A container as named by a path, {@code abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/…}, and the
 * way from paths to names of blobs and back.
 *
 * @param scheme abfss, abfs or wasbs; all three mean TLS
 * @param container the container
 * @param host the host as given
 */
record ContainerUri(String scheme, String container, String host) {

  /**
   * Reads scheme, container and account off a path.
   *
   * @throws IOException a sentence that shows what the path should look like
   */
  static ContainerUri of(URI uri) throws IOException {
    String container = uri.getUserInfo();
    if (uri.getHost() == null || container == null || container.isEmpty()) {
      throw new IOException(
          "%s names no container and account: it must look like %s://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH"
              .formatted(uri, uri.getScheme()));
    }
    if (container.contains(":")) {
      throw new IOException(
          "the path has a password in it, which is refused: access is by workload identity only");
    }
    return new ContainerUri(uri.getScheme(), container, uri.getHost());
  }

  /** The storage account: the first label of the host. */
  String account() {
    int dot = host.indexOf('.');
    return dot < 0 ? host : host.substring(0, dot);
  }

  /** Where the account's blob service is, unless an option says so. */
  URI defaultEndpoint() {
    int dot = host.indexOf('.');
    String suffix = dot < 0 ? "blob.core.windows.net" : host.substring(dot + 1);
    if (suffix.startsWith("dfs.")) {
      suffix = "blob." + suffix.substring("dfs.".length());
    }
    return URI.create("https://" + account() + "." + suffix);
  }

  /** The root of the container. */
  URI root() {
    return URI.create(scheme + "://" + container + "@" + host + "/");
  }

  /** The blob's name of a path; empty for the root. */
  static String nameOf(Path path) {
    String name = path.toUri().getPath();
    int begin = 0;
    while (begin < name.length() && name.charAt(begin) == '/') {
      begin++;
    }
    return name.substring(begin);
  }

  /** The path of a blob's name. */
  Path pathOf(String name) {
    return new Path(scheme, container + "@" + host, "/" + name);
  }
}
