package dev.anabranch.azureblob;

import com.azure.core.exception.ClientAuthenticationException;
import com.azure.core.exception.HttpResponseException;
import com.azure.storage.blob.models.BlobErrorCode;
import com.azure.storage.blob.models.BlobStorageException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Turns what the SDK throws into an {@link IOException} whose message is one sentence: what could
 * not be done to which path, why, and what to do. The original, which may be long, is its cause.
 */
final class BlobErrors {
  private final ContainerUri container;
  private final String identity;

  BlobErrors(ContainerUri container, String identity) {
    this.container = container;
    this.identity = identity;
  }

  /**
   * The error to throw.
   *
   * @param what was tried, as in "read"
   * @param name of the blob; empty for the container
   * @param error what the SDK threw
   */
  IOException of(String what, String name, Throwable error) {
    Throwable cause = unwrapped(error);
    if (cause instanceof FileNotFoundException || cause instanceof BlobException) {
      return (IOException) cause;
    }
    if (find(InterruptedException.class, cause) != null
        || find(InterruptedIOException.class, cause) != null) {
      Thread.currentThread().interrupt();
      return interrupted(what, name);
    }
    IdentityException trouble = find(IdentityException.class, cause);
    if (trouble != null) {
      return new BlobException(trouble.getMessage(), error);
    }
    String where = "cannot " + what + " " + container.pathOf(name) + ": ";
    if (cause instanceof BlobStorageException storage) {
      if (isAbsent(storage)) {
        return absent(name);
      }
      return new BlobException(where + reason(storage), cause);
    }
    return new BlobException(where + reason(cause), cause);
  }

  /** The error of a path that is not there. */
  FileNotFoundException absent(String name) {
    return new FileNotFoundException(container.pathOf(name) + " does not exist");
  }

  /** The error of a wait that was interrupted, whose thread keeps its mark. */
  InterruptedIOException interrupted(String what, String name) {
    return new InterruptedIOException("interrupted: cannot " + what + " " + container.pathOf(name));
  }

  /** Whether there is no such blob; a container that is not there is another matter. */
  static boolean isAbsent(BlobStorageException error) {
    return error.getStatusCode() == 404
        && !BlobErrorCode.CONTAINER_NOT_FOUND.equals(error.getErrorCode());
  }

  private String reason(BlobStorageException error) {
    BlobErrorCode code = error.getErrorCode();
    if (BlobErrorCode.CONTAINER_NOT_FOUND.equals(code)) {
      return "account %s has no container %s: create it, or correct the path"
          .formatted(container.account(), container.container());
    }
    String said = code == null ? "no further reason" : code.toString();
    return switch (error.getStatusCode()) {
      case 401, 403 ->
          "account %s refuses %s (%s): give it the role Storage Blob Data Contributor on the account or container, and see that its network is let in"
              .formatted(container.account(), identity, said);
      case 412 -> "it was changed by somebody else meanwhile (" + said + ")";
      case 408, 429, 500, 502, 503, 504 ->
          "account %s answered %d (%s) to each attempt: it is overloaded, or down"
              .formatted(container.account(), error.getStatusCode(), said);
      default ->
          "account %s answered %d (%s)".formatted(container.account(), error.getStatusCode(), said);
    };
  }

  private String reason(Throwable error) {
    SSLException tls = find(SSLException.class, error);
    if (tls != null && BackOff.isLost(tls)) {
      return "account %s, or the token service, ends connections at once: it is down"
          .formatted(container.account());
    }
    if (tls != null) {
      return "TLS with account %s or the token service failed (%s): where a certificate is of an authority of your own, set %s"
          .formatted(
              container.account(), firstLine(tls.getMessage()), AzureBlobOptions.CA_FILE.key());
    }
    if (error instanceof ClientAuthenticationException || isIdentity(error)) {
      return "the token service gives %s no token (%s): see AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE and AZURE_AUTHORITY_HOST, and the identity's federated credential"
          .formatted(identity, IdentityFailures.code(error));
    }
    if (find(UnknownHostException.class, error) != null
        || find(UnresolvedAddressException.class, error) != null) {
      return "the host of account %s is not known: correct the path, or set %s.%s"
          .formatted(container.account(), AzureBlobOptions.ENDPOINT.key(), container.account());
    }
    if (error instanceof HttpTimeoutException || error instanceof TimeoutException) {
      return "account %s does not answer in time".formatted(container.account());
    }
    if (error instanceof ConnectException) {
      return "account %s cannot be reached".formatted(container.account());
    }
    return error.getClass().getSimpleName() + ": " + firstLine(error.getMessage());
  }

  private static boolean isIdentity(Throwable error) {
    return error.getClass().getName().startsWith("com.microsoft.aad.msal4j.");
  }

  private static <T extends Throwable> @Nullable T find(Class<T> kind, Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (kind.isInstance(cause)) {
        return kind.cast(cause);
      }
    }
    return null;
  }

  /** The innermost error that says something: wrappers of threads and of Reactor say nothing. */
  private static Throwable unwrapped(Throwable error) {
    Throwable found = error;
    while (found.getCause() != null && found != found.getCause() && isWrapper(found)) {
      found = found.getCause();
    }
    return found;
  }

  private static boolean isWrapper(Throwable error) {
    return error instanceof ExecutionException
        || error instanceof UncheckedIOException
        || error.getClass() == RuntimeException.class
        || (error instanceof HttpResponseException http && http.getResponse() == null)
        || error.getClass().getName().startsWith("reactor.core.Exceptions")
        || (error.getClass() == IOException.class && error.getCause() instanceof IOException);
  }

  private static String firstLine(@Nullable String message) {
    return message == null ? "no message" : message.lines().findFirst().orElse("no message");
  }

  /** An error whose message is a sentence of ours already. */
  static final class BlobException extends IOException {
    private static final long serialVersionUID = 1;

    BlobException(String sentence, @Nullable Throwable cause) {
      super(sentence, cause);
    }
  }
}
