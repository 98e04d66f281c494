package dev.anabranch.azureblob;

import com.azure.core.credential.TokenCredential;
import com.azure.core.http.HttpClient;
import com.azure.core.http.HttpPipeline;
import com.azure.core.http.HttpPipelineBuilder;
import com.azure.core.http.jdk.httpclient.JdkHttpClientBuilder;
import com.azure.core.http.policy.BearerTokenAuthenticationPolicy;
import com.azure.core.http.policy.RequestIdPolicy;
import com.azure.core.http.policy.RetryPolicy;
import com.azure.core.http.policy.UserAgentPolicy;
import com.azure.storage.blob.BlobContainerClient;
import com.azure.storage.blob.BlobContainerClientBuilder;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What all file systems with equal settings share in a process: connections, the identity's access
 * token, the memory budget, and a pool of threads each for writing and reading. It lives as long as
 * the process; idle threads end.
 */
final class BlobResources {
  private static final Map<Settings, BlobResources> SHARED = new ConcurrentHashMap<>();
  private static final String SCOPE = "https://storage.azure.com/.default";
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
  private static final int IDLE_SECONDS = 30;

  private final Settings settings;
  private final HttpPipeline pipeline;
  private final WorkloadIdentity identity;
  final MemoryBudget budget;
  final ExecutorService writers;
  final ExecutorService readers;

  private BlobResources(Settings settings, Map<String, String> environment) throws IOException {
    this.settings = settings;
    this.identity = new WorkloadIdentity(environment);
    HttpClient http = http(settings);
    this.pipeline = pipeline(http, identity.credential(http), settings.retries());
    this.budget = new MemoryBudget(settings.memoryBytes());
    this.writers = pool("azure-blob-write", settings.writeThreads());
    this.readers = pool("azure-blob-read", settings.readThreads());
  }

  /**
   * Those of these settings.
   *
   * @throws IOException a sentence about what is wrong with the identity's environment
   */
  static BlobResources of(Settings settings) throws IOException {
    synchronized (SHARED) {
      BlobResources known = SHARED.get(settings);
      if (known == null) {
        known = new BlobResources(settings, System.getenv());
        SHARED.put(settings, known);
      }
      return known;
    }
  }

  /** A client of a container; asks nothing of the service. */
  BlobContainerClient container(ContainerUri container) {
    URI endpoint =
        settings.endpoints().getOrDefault(container.account(), container.defaultEndpoint());
    return new BlobContainerClientBuilder()
        .endpoint(endpoint.toString())
        .containerName(container.container())
        .pipeline(pipeline)
        .buildClient();
  }

  /** Turns errors of the service into sentences. */
  BlobErrors errors(ContainerUri container) {
    return new BlobErrors(container, identity.toString());
  }

  private static HttpClient http(Settings settings) throws IOException {
    return new JdkHttpClientBuilder(
            java.net.http.HttpClient.newBuilder()
                .sslContext(TrustedCertificates.context(settings.caFile())))
        .connectionTimeout(CONNECT_TIMEOUT)
        .responseTimeout(settings.requestTimeout())
        .readTimeout(settings.requestTimeout())
        .writeTimeout(settings.requestTimeout())
        .build();
  }

  /**
   * The SDK's own retries of storage requests do not heed {@code Retry-After}, so the pipeline is
   * put together here.
   */
  private static HttpPipeline pipeline(HttpClient http, TokenCredential credential, int retries) {
    return new HttpPipelineBuilder()
        .policies(
            new UserAgentPolicy("anabranch"),
            new RequestIdPolicy(),
            new RetryPolicy(new BackOff(retries)),
            new BearerTokenAuthenticationPolicy(credential, SCOPE),
            new QuietContentLength())
        .httpClient(http)
        .build();
  }

  private static ExecutorService pool(String name, int threads) {
    AtomicInteger number = new AtomicInteger();
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            threads,
            threads,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work -> {
              Thread thread = new Thread(work, name + "-" + number.incrementAndGet());
              thread.setDaemon(true);
              // A job's class loader must not be kept by a thread that outlives the job.
              thread.setContextClassLoader(BlobResources.class.getClassLoader());
              return thread;
            });
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }
}
