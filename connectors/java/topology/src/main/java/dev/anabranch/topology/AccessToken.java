package dev.anabranch.topology;

import java.util.Set;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;

/** An access token as Kafka's login wants it. Not a record: those show what they hold. */
final class AccessToken implements OAuthBearerToken {
  private final String value;
  private final String principal;
  private final long startMs;
  private final long endMs;

  AccessToken(String value, String principal, long startMs, long endMs) {
    this.value = value;
    this.principal = principal;
    this.startMs = startMs;
    this.endMs = endMs;
  }

  AccessToken copy() {
    return new AccessToken(value, principal, startMs, endMs);
  }

  @Override
  public String value() {
    return value;
  }

  @Override
  public Set<String> scope() {
    return Set.of();
  }

  @Override
  public long lifetimeMs() {
    return endMs;
  }

  @Override
  public String principalName() {
    return principal;
  }

  @Override
  public Long startTimeMs() {
    return startMs;
  }

  @Override
  public String toString() {
    return "access token of " + principal;
  }
}
