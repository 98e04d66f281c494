package dev.anabranch.azureblob;

import java.time.Duration;
import java.util.Map;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/**
 * The plugin's options in Flink's configuration. There is none for account keys, shared access
 * signatures or connection strings, and there will be none.
 */
public final class AzureBlobOptions {
  /** Endpoints of accounts that are not at {@code https://ACCOUNT.blob.core.windows.net}. */
  public static final ConfigOption<Map<String, String>> ENDPOINT =
      ConfigOptions.key("fs.azure.blob.endpoint")
          .mapType()
          .defaultValue(Map.of())
          .withDescription(
              "The blob endpoint of an account, as fs.azure.blob.endpoint.ACCOUNT. By default it"
                  + " follows from the host in the path: ACCOUNT.dfs.SUFFIX and ACCOUNT.blob.SUFFIX"
                  + " mean https://ACCOUNT.blob.SUFFIX. A local storage service has the account in"
                  + " the path of the endpoint: https://127.0.0.1:PORT/ACCOUNT. Only https.");

  /** Further certificate authorities. */
  public static final ConfigOption<String> CA_FILE =
      ConfigOptions.key("fs.azure.blob.ca-file")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "PEM file with authorities that are trusted besides the JVM's own, for the storage"
                  + " endpoint and the token service: a local storage service, or a proxy that ends"
                  + " TLS.");

  /** The memory of all open files together. */
  public static final ConfigOption<MemorySize> MEMORY =
      ConfigOptions.key("fs.azure.blob.memory")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(64))
          .withDescription(
              "Heap for the data of all files that are open in the process, written and read. Each"
                  + " block in flight needs its size: 64 MiB are sixteen blocks of 4 MiB, enough to"
                  + " keep both pools of eight threads busy. When it is short, files stage smaller"
                  + " blocks and read less ahead. At least twice the block size.");

  /** The size of a block. */
  public static final ConfigOption<MemorySize> BLOCK_SIZE =
      ConfigOptions.key("fs.azure.blob.block-size")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(4))
          .withDescription(
              "Files up to twice this size are written by one request, if there is memory; larger"
                  + " ones are staged in blocks of it, the first being two. Reads fetch ranges of the same size. Blob Storage takes 50,000 blocks a"
                  + " blob: at 4 MiB that is 195 GiB. From 256 KiB to 100 MiB.");

  /** Threads that upload. */
  public static final ConfigOption<Integer> WRITE_THREADS =
      ConfigOptions.key("fs.azure.blob.write.threads")
          .intType()
          .defaultValue(8)
          .withDescription(
              "Requests in flight of all files that are written, and of deletes and renames. A block of"
                  + " 4 MiB takes 34 ms at 1 Gbit/s: eight of them hide a round trip of up to a quarter"
                  + " of a second.");

  /** Threads that download. */
  public static final ConfigOption<Integer> READ_THREADS =
      ConfigOptions.key("fs.azure.blob.read.threads")
          .intType()
          .defaultValue(8)
          .withDescription(
              "Requests in flight of all files that are read. A pool of its own, so that a restore"
                  + " does not wait for uploads.");

  /** How many ranges are read ahead. */
  public static final ConfigOption<Integer> READ_AHEAD =
      ConfigOptions.key("fs.azure.blob.read.ahead")
          .intType()
          .defaultValue(8)
          .withDescription(
              "How many ranges a file that is read in sequence fetches ahead at most: eight keep all"
                  + " threads busy for one file. It begins with one, and fetches as many as it may"
                  + " once a range is read through, so a reader that jumps fetches little in vain."
                  + " 0: none.");

  /** How often a request is repeated. */
  public static final ConfigOption<Integer> RETRIES =
      ConfigOptions.key("fs.azure.blob.retries")
          .intType()
          .defaultValue(8)
          .withDescription(
              "How often a request is repeated after 408, 429, 500, 502, 503, 504, a lost connection"
                  + " or no answer in time. The pauses are those that the service asks for"
                  + " (Retry-After), else 0.2 s doubling to 10 s, give or take a fifth: 8 of them are"
                  + " half a minute, which outlasts a moment of throttling and is little beside the ten"
                  + " minutes that a checkpoint may take.");

  /** How long one attempt may take. */
  public static final ConfigOption<Duration> REQUEST_TIMEOUT =
      ConfigOptions.key("fs.azure.blob.request-timeout")
          .durationType()
          .defaultValue(Duration.ofSeconds(30))
          .withDescription(
              "How long one attempt of a request waits for its answer, or for the next bytes of it."
                  + " A block of 4 MiB passes in 30 s at 1.2 Mbit/s, so no link that is of use needs"
                  + " longer.");

  /** What is replaced by entropy. */
  public static final ConfigOption<String> ENTROPY_KEY =
      ConfigOptions.key("fs.azure.blob.entropy.key")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Text in a checkpoint path, such as _entropy_, that random characters replace in the"
                  + " paths of state files and nothing in those of metadata. Blob Storage partitions"
                  + " by name: with thousands of files a second under one prefix this spreads them.");

  /** How much entropy. */
  public static final ConfigOption<Integer> ENTROPY_LENGTH =
      ConfigOptions.key("fs.azure.blob.entropy.length")
          .intType()
          .defaultValue(4)
          .withDescription(
              "How many random letters and digits replace the entropy key; four make 1.7 million"
                  + " prefixes.");

  private AzureBlobOptions() {}
}
