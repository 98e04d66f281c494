package dev.anabranch.azureblob;

import static org.assertj.core.api.Assertions.assertThat;

import com.azure.core.exception.ClientAuthenticationException;
import com.microsoft.aad.msal4j.MsalServiceException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.http.HttpTimeoutException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;

class BackOffTest {
  private final BackOff backOff = new BackOff(8);

  @Test
  void pausesLongerEachTimeUpToABound() {
    long total = 0;
    for (int attempt = 0; attempt < 8; attempt++) {
      long full = Math.min(10_000, 200L << attempt);
      long delay = backOff.calculateRetryDelay(attempt).toMillis();
      assertThat(delay).isBetween(full * 8 / 10, full * 12 / 10);
      total += delay;
    }
    assertThat(total).isGreaterThan(25_000);
    assertThat(backOff.calculateRetryDelay(1_000).toMillis()).isLessThanOrEqualTo(12_000);
  }

  @Test
  void repeatsWhatMayWorkTheNextTime() {
    for (Throwable passing :
        new Throwable[] {
          new ConnectException(),
          new HttpTimeoutException("late"),
          new TimeoutException(),
          new IOException("connection reset"),
          new SSLHandshakeException("Remote host terminated the handshake"),
          new ClientAuthenticationException(
              "503", null, new MsalServiceException("no JSON of its kind", "unknown")),
          new RuntimeException(new IOException("connection reset"))
        }) {
      assertThat(backOff.shouldRetryException(passing)).as("%s", passing).isTrue();
    }
  }

  @Test
  void doesNotRepeatWhatWillNot() {
    for (Throwable lasting :
        new Throwable[] {
          new ClientAuthenticationException("no", null),
          new IllegalStateException(),
          new SSLHandshakeException("unknown authority"),
          new RuntimeException(new InterruptedException()),
          new InterruptedIOException()
        }) {
      assertThat(backOff.shouldRetryException(lasting)).as("%s", lasting).isFalse();
    }
  }
}
