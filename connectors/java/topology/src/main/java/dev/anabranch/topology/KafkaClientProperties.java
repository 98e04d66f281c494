package dev.anabranch.topology;

import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.function.Function;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever;
import org.apache.kafka.common.security.oauthbearer.ClientJwtValidator;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule;
import org.apache.kafka.common.security.plain.PlainLoginModule;
import org.apache.kafka.common.security.scram.ScramLoginModule;
import org.jspecify.annotations.Nullable;

/**
 * The one place where typed auth becomes properties of a Java Kafka client. Its Python twin is
 * {@code anabranch.topology.librdkafka}; tests/unit/vectors/auth.json holds both to the same cases.
 */
public final class KafkaClientProperties {
  /**
   * Since 4.0 kafka-clients fetch tokens only from URLs on this list. The document that an operator
   * published names the URL, so it goes on the list when its client starts.
   */
  static final String ALLOWED_URLS = "org.apache.kafka.sasl.oauthbearer.allowed.urls";

  private final Properties properties = new Properties();
  private final Function<String, @Nullable String> environment;
  private final Secrets secrets;
  private final String owner;
  private @Nullable TokenSource tokens;

  private KafkaClientProperties(Primary primary, Function<String, @Nullable String> environment) {
    this.environment = environment;
    this.secrets = new Secrets(environment);
    this.owner = " of the primary at " + primary.bootstrap().get(0);
  }

  /**
   * Bootstrap servers and security of a client of that primary, secrets resolved here and now. With
   * workload identity the first access token is one: as long as there is none, this waits for the
   * token service, for some ten seconds at most, and so is no call for a thread that must not wait.
   *
   * @return a fresh object that the caller adds its own settings to; it holds secrets
   * @throws TopologyException a reference cannot be resolved, a variable of the workload identity
   *     is missing or wrong, or there is no access token; the message says which or why
   * @throws InterruptException the thread was interrupted while it waited
   */
  public static Properties of(Primary primary) {
    return of(primary, System::getenv);
  }

  static Properties of(Primary primary, Function<String, @Nullable String> environment) {
    KafkaClientProperties made = translated(primary, environment);
    if (made.tokens != null) {
      made.tokens.await();
    }
    return made.properties;
  }

  /** The same without a look at the token service. */
  static Properties withoutToken(Primary primary, Function<String, @Nullable String> environment) {
    return translated(primary, environment).properties;
  }

  private static KafkaClientProperties translated(
      Primary primary, Function<String, @Nullable String> environment) {
    KafkaClientProperties made = new KafkaClientProperties(primary, environment);
    made.set(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, String.join(",", primary.bootstrap()));
    made.add(primary.auth());
    return made;
  }

  private void add(Auth auth) {
    if (auth instanceof Auth.Plain plain) {
      sasl("PLAIN", plain.tls(), plain.ca());
      login(PlainLoginModule.class, plain.username(), plain.password());
    } else if (auth instanceof Auth.Scram scram) {
      sasl(scram.mechanism(), scram.tls(), scram.ca());
      login(ScramLoginModule.class, scram.username(), scram.password());
    } else if (auth instanceof Auth.Mtls mtls) {
      protocol("SSL");
      set(SslConfigs.SSL_KEYSTORE_TYPE_CONFIG, "PEM");
      set(
          SslConfigs.SSL_KEYSTORE_CERTIFICATE_CHAIN_CONFIG,
          secrets.pem(mtls.certificate(), "certificate" + owner));
      set(SslConfigs.SSL_KEYSTORE_KEY_CONFIG, secrets.privateKey(mtls.key(), "key" + owner));
      trust(mtls.ca());
    } else if (auth instanceof Auth.OAuthBearer oauth) {
      sasl("OAUTHBEARER", true, oauth.ca());
      add(oauth);
    } else if (auth instanceof Auth.Workload workload) {
      sasl("OAUTHBEARER", true, workload.ca());
      add(workload);
    } else {
      protocol("PLAINTEXT");
    }
  }

  private void add(Auth.OAuthBearer oauth) {
    allow(oauth.tokenEndpoint());
    set(
        SaslConfigs.SASL_LOGIN_CALLBACK_HANDLER_CLASS,
        OAuthBearerLoginCallbackHandler.class.getName());
    set(
        SaslConfigs.SASL_OAUTHBEARER_JWT_RETRIEVER_CLASS,
        ClientCredentialsJwtRetriever.class.getName());
    // The default validator loads classes of jose4j, which kafka-clients do not bring along.
    set(SaslConfigs.SASL_OAUTHBEARER_JWT_VALIDATOR_CLASS, ClientJwtValidator.class.getName());
    set(SaslConfigs.SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL, oauth.tokenEndpoint());
    set(SaslConfigs.SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_ID, oauth.clientId());
    set(
        SaslConfigs.SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_SECRET,
        secrets.resolve(oauth.clientSecret(), "client_secret" + owner));
    if (oauth.scope() != null) {
      set(SaslConfigs.SASL_OAUTHBEARER_SCOPE, oauth.scope());
    }
    Map<String, String> options = new TreeMap<>();
    if (oauth.tokenCa() != null) {
      // The token endpoint's TLS is configured by options of the login module, not of the client.
      secrets.pem(oauth.tokenCa(), "token_ca" + owner);
      options.put(SslConfigs.SSL_TRUSTSTORE_TYPE_CONFIG, "PEM");
      options.put(
          SslConfigs.SSL_TRUSTSTORE_LOCATION_CONFIG, oauth.tokenCa().substring("file:".length()));
    }
    set(SaslConfigs.SASL_JAAS_CONFIG, Jaas.line(OAuthBearerLoginModule.class.getName(), options));
  }

  private void add(Auth.Workload workload) {
    set(SaslConfigs.SASL_LOGIN_CALLBACK_HANDLER_CLASS, WorkloadIdentityLogin.class.getName());
    WorkloadIdentity identity = WorkloadIdentity.of(environment);
    Map<String, String> options = identity.options();
    options.put(WorkloadIdentityLogin.SCOPE, workload.scope());
    String tokenCa = null;
    if (workload.tokenCa() != null) {
      secrets.pem(workload.tokenCa(), "token_ca" + owner);
      tokenCa = workload.tokenCa().substring("file:".length());
      options.put(WorkloadIdentityLogin.TOKEN_CA, tokenCa);
    }
    set(SaslConfigs.SASL_JAAS_CONFIG, Jaas.line(OAuthBearerLoginModule.class.getName(), options));
    tokens = TokenSource.of(identity, workload.scope(), tokenCa);
  }

  private void sasl(String mechanism, boolean tls, @Nullable String ca) {
    protocol(tls ? "SASL_SSL" : "SASL_PLAINTEXT");
    set(SaslConfigs.SASL_MECHANISM, mechanism);
    if (tls) {
      trust(ca);
    }
  }

  private void login(Class<?> module, String username, String password) {
    Map<String, String> options = new TreeMap<>();
    options.put("password", secrets.resolve(password, "password" + owner));
    options.put("username", username);
    set(SaslConfigs.SASL_JAAS_CONFIG, Jaas.line(module.getName(), options));
  }

  private void trust(@Nullable String ca) {
    if (ca != null) {
      set(SslConfigs.SSL_TRUSTSTORE_TYPE_CONFIG, "PEM");
      set(SslConfigs.SSL_TRUSTSTORE_CERTIFICATES_CONFIG, secrets.pem(ca, "ca" + owner));
    }
  }

  private void protocol(String name) {
    set(CommonClientConfigs.SECURITY_PROTOCOL_CONFIG, name);
  }

  private void set(String name, String value) {
    properties.setProperty(name, value);
  }

  private static synchronized void allow(String url) {
    String allowed = System.getProperty(ALLOWED_URLS, "");
    if (allowed.isBlank()) {
      System.setProperty(ALLOWED_URLS, url);
    } else if (!java.util.Arrays.asList(allowed.split("\\s*,\\s*")).contains(url)) {
      System.setProperty(ALLOWED_URLS, allowed + "," + url);
    }
  }
}
