package dev.anabranch.azureblob;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.IllegalConfigurationException;
import org.apache.flink.configuration.ReadableConfig;
import org.jspecify.annotations.Nullable;

/**
 * The options of {@link AzureBlobOptions} as read once, checked. Equal settings share connections,
 * threads and memory.
 *
 * @param endpoints blob endpoint by account
 * @param caFile further authorities, PEM
 * @param memoryBytes of all open files
 * @param blockBytes of a block and of a range that is read
 * @param retries repetitions of a request
 */
record Settings(
    Map<String, URI> endpoints,
    @Nullable Path caFile,
    long memoryBytes,
    int blockBytes,
    int writeThreads,
    int readThreads,
    int readAhead,
    int retries,
    Duration requestTimeout,
    @Nullable String entropyKey,
    int entropyLength) {
  private static final int MIN_BLOCK = 256 * 1024;
  private static final int MAX_BLOCK = 100 * 1024 * 1024;

  /**
   * Reads the options.
   *
   * @throws IllegalConfigurationException a sentence with the option and what it takes
   */
  static Settings from(ReadableConfig config) {
    long block = config.get(AzureBlobOptions.BLOCK_SIZE).getBytes();
    long memory = config.get(AzureBlobOptions.MEMORY).getBytes();
    check(
        block >= MIN_BLOCK && block <= MAX_BLOCK,
        AzureBlobOptions.BLOCK_SIZE.key() + " must be from 256 kb to 100 mb");
    check(
        memory >= 2 * block,
        AzureBlobOptions.MEMORY.key()
            + " must be at least twice "
            + AzureBlobOptions.BLOCK_SIZE.key());
    String ca = config.getOptional(AzureBlobOptions.CA_FILE).orElse(null);
    return new Settings(
        endpoints(config.get(AzureBlobOptions.ENDPOINT)),
        ca == null ? null : Path.of(ca),
        memory,
        (int) block,
        atLeast(1, config, AzureBlobOptions.WRITE_THREADS),
        atLeast(1, config, AzureBlobOptions.READ_THREADS),
        atLeast(0, config, AzureBlobOptions.READ_AHEAD),
        atLeast(0, config, AzureBlobOptions.RETRIES),
        config.get(AzureBlobOptions.REQUEST_TIMEOUT),
        config.getOptional(AzureBlobOptions.ENTROPY_KEY).orElse(null),
        atLeast(1, config, AzureBlobOptions.ENTROPY_LENGTH));
  }

  private static Map<String, URI> endpoints(Map<String, String> given) {
    return given.entrySet().stream()
        .collect(
            Collectors.toUnmodifiableMap(
                Map.Entry::getKey, e -> endpoint(e.getKey(), e.getValue())));
  }

  private static URI endpoint(String account, String text) {
    String key = AzureBlobOptions.ENDPOINT.key() + "." + account;
    URI uri;
    try {
      uri = URI.create(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalConfigurationException(key + " is no URL");
    }
    // A token sent in clear is a token given away.
    check("https".equals(uri.getScheme()) && uri.getHost() != null, key + " must be an https URL");
    check(uri.getQuery() == null, key + " must have no query: there is no access by signature");
    return uri;
  }

  private static int atLeast(int least, ReadableConfig config, ConfigOption<Integer> option) {
    int value = config.get(option);
    check(value >= least, option.key() + " must be at least " + least);
    return value;
  }

  private static void check(boolean holds, String sentence) {
    if (!holds) {
      throw new IllegalConfigurationException(sentence);
    }
  }
}
