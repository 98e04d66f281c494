package dev.anabranch.azureblob;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a token service said, in so few words that no token can be in them: the number of its error
 * (AADSTS700016: no such client, AADSTS700213: no federated credential for this pod, …), else the
 * kind of the failure.
 */
final class IdentityFailures {
  // https://learn.microsoft.com/entra/identity-platform/reference-error-codes
  private static final Pattern CODE = Pattern.compile("AADSTS\\d+");

  private IdentityFailures() {}

  /** The number of the service's error, or what kind of failure it is. */
  static String code(Throwable error) {
    Throwable last = error;
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      Matcher found = CODE.matcher(text(cause.getMessage()));
      if (found.find()) {
        return found.group();
      }
      last = cause;
    }
    return last.getClass().getSimpleName();
  }

  private static String text(@Nullable String message) {
    return message == null ? "" : message;
  }
}
