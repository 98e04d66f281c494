package dev.anabranch.topology;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.io.Serializable;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a client proves who it is. Secrets are references ({@code env:NAME}, {@code file:PATH}) that
 * are resolved where the client runs; the document itself holds none.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = Auth.None.class, name = "none"),
  @JsonSubTypes.Type(value = Auth.Plain.class, name = "plain"),
  @JsonSubTypes.Type(value = Auth.Scram.class, name = "scram"),
  @JsonSubTypes.Type(value = Auth.Mtls.class, name = "mtls"),
  @JsonSubTypes.Type(value = Auth.OAuthBearer.class, name = "oauthbearer"),
  @JsonSubTypes.Type(value = Auth.Workload.class, name = "workload-identity"),
})
public sealed interface Auth extends Serializable {
  /** No authentication, plain text. */
  record None() implements Auth {}

  /** SASL PLAIN; over TLS unless {@code tls} is false. */
  record Plain(
      @JsonProperty(required = true) String username,
      @JsonProperty(required = true) String password,
      @Nullable Boolean tls,
      @Nullable String ca)
      implements Auth {
    public Plain {
      tls = tls == null || tls;
    }

    /** Never null. */
    @Override
    public Boolean tls() {
      return Objects.requireNonNull(tls);
    }
  }

  /** SASL SCRAM; {@code mechanism} is SCRAM-SHA-512 unless given. */
  record Scram(
      @JsonProperty(required = true) String username,
      @JsonProperty(required = true) String password,
      @Nullable String mechanism,
      @Nullable Boolean tls,
      @Nullable String ca)
      implements Auth {
    public Scram {
      mechanism = mechanism == null ? "SCRAM-SHA-512" : mechanism;
      tls = tls == null || tls;
    }

    /** Never null. */
    @Override
    public String mechanism() {
      return Objects.requireNonNull(mechanism);
    }

    /** Never null. */
    @Override
    public Boolean tls() {
      return Objects.requireNonNull(tls);
    }
  }

  /** TLS with a client certificate, all three in PEM. */
  record Mtls(
      @JsonProperty(required = true) String certificate,
      @JsonProperty(required = true) String key,
      @Nullable String ca)
      implements Auth {}

  /**
   * SASL OAUTHBEARER by the client-credentials flow; {@code ca} is for the brokers, {@code
   * token_ca} for the token endpoint.
   */
  record OAuthBearer(
      @JsonProperty(value = "token_endpoint", required = true) String tokenEndpoint,
      @JsonProperty(value = "client_id", required = true) String clientId,
      @JsonProperty(value = "client_secret", required = true) String clientSecret,
      @Nullable String scope,
      @Nullable String ca,
      @JsonProperty("token_ca") @Nullable String tokenCa)
      implements Auth {}

  /**
   * SASL OAUTHBEARER by the pod's own identity in Azure; {@code ca} is for the brokers, {@code
   * token_ca} for the token service.
   */
  record Workload(
      @JsonProperty(required = true) String scope,
      @Nullable String ca,
      @JsonProperty("token_ca") @Nullable String tokenCa)
      implements Auth {}
}
