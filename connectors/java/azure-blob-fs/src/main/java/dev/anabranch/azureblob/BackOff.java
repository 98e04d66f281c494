package dev.anabranch.azureblob;

import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.HttpResponse;
import com.azure.core.http.policy.RetryStrategy;
import com.microsoft.aad.msal4j.MsalServiceException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;

/**
 * Which requests are repeated, and after what pause where the service names none. What the service
 * says in {@code Retry-After} goes before; the policy that asks this class sees to it.
 */
final class BackOff implements RetryStrategy {
  private static final long FIRST_MS = 200;
  private static final long LAST_MS = 10_000;
  // So that files that were refused together do not come back together.
  private static final double JITTER = 0.2;
  // 408, 502 and 504 come from what stands between: gateways, proxies and private links.
  private static final Set<Integer> PASSING = Set.of(408, 429, 500, 502, 503, 504);

  // How the JDK's words begin where the connection ends before TLS is agreed on, as at a balancer
  // whose servers are gone: it throws what it throws of a wrong certificate, often without a cause.
  private static final String LOST = "Remote host ";

  private final int retries;

  BackOff(int retries) {
    this.retries = retries;
  }

  @Override
  public int getMaxRetries() {
    return retries;
  }

  @Override
  public Duration calculateRetryDelay(int attempt) {
    long full = Math.min(LAST_MS, FIRST_MS << Math.min(attempt, 16));
    double factor = 1 + JITTER * (2 * ThreadLocalRandom.current().nextDouble() - 1);
    return Duration.ofMillis((long) (full * factor));
  }

  @Override
  public boolean shouldRetry(HttpResponse response) {
    return PASSING.contains(response.getStatusCode());
  }

  /** Whether what a client threw in the end, after all repetitions, may work some time. */
  static boolean mayPass(Throwable error) {
    return error instanceof HttpResponseException refused && refused.getResponse() != null
        ? PASSING.contains(refused.getResponse().getStatusCode())
        : isPassing(error);
  }

  /**
   * A connection that is lost, refused or silent may work the next time; an identity that is
   * refused, a certificate that is not trusted, or a thread that is interrupted, will not.
   */
  @Override
  public boolean shouldRetryException(Throwable error) {
    return isPassing(error);
  }

  /**
   * Whether the other side ended the connection, rather than that one side did not trust the other.
   */
  static boolean isLost(SSLException error) {
    return error.getMessage() != null && error.getMessage().startsWith(LOST);
  }

  private static boolean isPassing(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof InterruptedException || cause instanceof InterruptedIOException) {
        return false;
      }
      if (cause instanceof SSLHandshakeException tls) {
        return isLost(tls);
      }
      if (cause instanceof IdentityException) {
        return false;
      }
      if (cause instanceof MsalServiceException refused) {
        Integer status = refused.statusCode(); // none where the answer was no JSON of its kind
        return status == null || PASSING.contains(status);
      }
      if (cause instanceof IOException || cause instanceof TimeoutException) {
        return true;
      }
    }
    return false;
  }
}
