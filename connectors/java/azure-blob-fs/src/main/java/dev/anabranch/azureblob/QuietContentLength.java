package dev.anabranch.azureblob;

import com.azure.core.http.HttpHeaderName;
import com.azure.core.http.HttpHeaders;
import com.azure.core.http.HttpPipelineCallContext;
import com.azure.core.http.HttpPipelineNextPolicy;
import com.azure.core.http.HttpPipelineNextSyncPolicy;
import com.azure.core.http.HttpPipelinePosition;
import com.azure.core.http.HttpRequest;
import com.azure.core.http.HttpResponse;
import com.azure.core.http.policy.HttpPipelinePolicy;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * Keeps a warning per upload out of the log. The SDK's adapter of the JDK's client takes the body's
 * length from the header Content-Length, then warns that the client, which sets this header itself,
 * does not let it be set. So the header is there for who asks for it by name, and not among those
 * to be sent.
 */
final class QuietContentLength implements HttpPipelinePolicy {
  /** Behind the retries, which copy the request and would lose it. */
  @Override
  public HttpPipelinePosition getPipelinePosition() {
    return HttpPipelinePosition.PER_RETRY;
  }

  @Override
  public Mono<HttpResponse> process(HttpPipelineCallContext context, HttpPipelineNextPolicy next) {
    hide(context.getHttpRequest());
    return next.process();
  }

  @Override
  public HttpResponse processSync(
      HttpPipelineCallContext context, HttpPipelineNextSyncPolicy next) {
    hide(context.getHttpRequest());
    return next.processSync();
  }

  private static void hide(HttpRequest request) {
    String length = request.getHeaders().getValue(HttpHeaderName.CONTENT_LENGTH);
    if (length != null) {
      request.setHeaders(new Headers(request.getHeaders(), length));
    }
  }

  private static final class Headers extends HttpHeaders {
    private final String contentLength;

    Headers(HttpHeaders all, String contentLength) {
      super(all);
      this.contentLength = contentLength;
      remove(HttpHeaderName.CONTENT_LENGTH);
    }

    @Override
    public @Nullable String getValue(HttpHeaderName name) {
      return name.equals(HttpHeaderName.CONTENT_LENGTH) ? contentLength : super.getValue(name);
    }
  }
}
