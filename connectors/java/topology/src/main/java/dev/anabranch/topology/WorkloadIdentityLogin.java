package dev.anabranch.topology;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.auth.SaslExtensions;
import org.apache.kafka.common.security.auth.SaslExtensionsCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.jspecify.annotations.Nullable;

/**
 * Gives Kafka clients access tokens of the pod's identity. Clients make it by its name, and call it
 * under locks of the whole JVM. So it hands over what its {@link TokenSource} holds, or fails at
 * once; whoever makes a client has waited for the first token before. All clients of a JVM with the
 * same options share one login, whose thread comes for another token when about four fifths of the
 * old one's life are over, and every ten seconds while there is none.
 */
public final class WorkloadIdentityLogin implements AuthenticateCallbackHandler {
  static final String SCOPE = "scope";
  static final String TOKEN_CA = "tokenCa";

  private @Nullable TokenSource tokens;

  /** Called by Kafka. */
  public WorkloadIdentityLogin() {}

  @Override
  public void configure(
      Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {
    Map<String, ?> options = entries.get(0).getOptions();
    TokenSource source =
        TokenSource.of(
            WorkloadIdentity.of(options),
            (String) options.get(SCOPE),
            (String) options.get(TOKEN_CA));
    source.join();
    tokens = source;
  }

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    for (Callback callback : callbacks) {
      if (callback instanceof OAuthBearerTokenCallback wanted) {
        give(wanted);
      } else if (callback instanceof SaslExtensionsCallback extensions) {
        extensions.extensions(SaslExtensions.empty());
      } else {
        throw new UnsupportedCallbackException(callback);
      }
    }
  }

  @Override
  public void close() {
    if (tokens != null) {
      tokens.leave();
      tokens = null;
    }
  }

  private void give(OAuthBearerTokenCallback wanted) {
    TokenSource source = Objects.requireNonNull(tokens);
    AccessToken held = source.held();
    if (held == null) {
      // As an error of the token, and not thrown: Kafka would log it with a trace, and tell its
      // client of an internal error.
      wanted.error("no access token", source.problem(), null);
    } else {
      // A login that gets the very token that it has would lose it with the login before.
      wanted.token(held.copy());
    }
  }
}
