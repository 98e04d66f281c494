package dev.anabranch.topology;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Why a token service gave no access token: one sentence that names the variable to correct, with
 * nothing in it that the service said but the number of its error, so that no token can be in it.
 */
final class TokenException extends Exception {
  private static final long serialVersionUID = 1L;

  // https://learn.microsoft.com/entra/identity-platform/reference-error-codes
  private static final Pattern CODE = Pattern.compile("AADSTS\\d+");
  private static final String NO_TENANT = "AZURE_TENANT_ID names no tenant";
  private static final String NO_CREDENTIAL =
      "no federated credential of it takes the token that AZURE_FEDERATED_TOKEN_FILE names";
  private static final String NO_RESOURCE = "the scope names no resource of that tenant";
  private static final Map<String, String> MEANINGS =
      Map.ofEntries(
          Map.entry("AADSTS700016", "AZURE_CLIENT_ID names nobody in that tenant"),
          Map.entry("AADSTS90002", NO_TENANT),
          Map.entry("AADSTS900023", NO_TENANT),
          Map.entry("AADSTS70021", NO_CREDENTIAL),
          Map.entry("AADSTS700211", NO_CREDENTIAL),
          Map.entry("AADSTS700212", NO_CREDENTIAL),
          Map.entry("AADSTS700213", NO_CREDENTIAL),
          Map.entry("AADSTS700024", "the token that AZURE_FEDERATED_TOKEN_FILE names has expired"),
          Map.entry("AADSTS70011", NO_RESOURCE),
          Map.entry("AADSTS500011", NO_RESOURCE),
          Map.entry("AADSTS1002012", NO_RESOURCE));

  private TokenException(String sentence) {
    super(sentence);
  }

  /** There was no answer, or none of a token service. */
  static TokenException unanswered(WorkloadIdentity identity, String why) {
    return new TokenException(
        "the token service " + identity.authority() + " gives no access token: " + why);
  }

  /** The service answered with an error. */
  static TokenException refused(WorkloadIdentity identity, int status, @Nullable String said) {
    Matcher code = CODE.matcher(said == null ? "" : said);
    if (isPassing(status) || !code.find()) {
      return unanswered(identity, "status " + status);
    }
    String meaning = MEANINGS.get(code.group());
    return new TokenException(
        "the token service refuses "
            + identity
            + ": "
            + code.group()
            + (meaning == null ? "" : ", " + meaning));
  }

  /** What stands between gives these too. */
  private static boolean isPassing(int status) {
    return status == 408 || status == 429 || status >= 500;
  }
}
