package dev.anabranch.topology;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What makes a document valid, and what may follow what. The same rules are in Python ({@code
 * anabranch.topology.rules}); tests/unit/vectors/topology.json holds both to them.
 */
final class TopologyRules {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,248}");
  private static final Pattern ADDRESS =
      Pattern.compile("([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+]):([0-9]{1,5})");
  private static final Pattern SECRET =
      Pattern.compile("env:[A-Za-z_][A-Za-z0-9_]*|file:/[^\\x00-\\x1f]+");
  private static final Pattern PEM = Pattern.compile("file:/[^\\x00-\\x1f]+");
  private static final Pattern SCOPE = Pattern.compile("\\S+");
  private static final Pattern URL = Pattern.compile("https?://\\S+");
  private static final Pattern USER_INFO = Pattern.compile("https?://[^/?#]*@");

  private TopologyRules() {}

  /** Throws {@link TopologyException} with the first breach. */
  static void check(Topology topology) {
    require(topology.generation() >= 1, "generation", "must be 1 or more");
    require(!topology.groups().isEmpty(), "groups", "must not be empty");
    Map<String, String> owners = new HashMap<>();
    topology.groups().forEach((name, group) -> checkGroup(name, group, owners));
  }

  /**
   * Whether readers of one document go on with another: an equal one changes nothing, an older one
   * and one that lacks a known primary are refused.
   */
  static boolean isSuccessor(@Nullable Topology known, Topology found) {
    if (known == null) {
      return true;
    }
    if (found.equals(known)) {
      return false;
    }
    require(
        found.generation() > known.generation(),
        "generation",
        found.generation() + " is not newer than the known " + known.generation());
    known
        .groups()
        .forEach(
            (name, group) -> {
              Group later = found.groups().get(name);
              for (String primary : group.primaries().keySet()) {
                require(
                    later != null && later.primaries().containsKey(primary),
                    "groups." + name + ".primaries",
                    "primary '" + primary + "' is absent; keep it with state removed");
              }
            });
    return true;
  }

  private static void checkGroup(
      String name, @Nullable Group group, Map<String, String> streamOwners) {
    String path = "groups." + name;
    require(group != null && NAME.matcher(name).matches(), path, "must be a named group");
    require(!group.primaries().isEmpty(), path + ".primaries", "must not be empty");
    Map<String, String> addresses = new HashMap<>();
    group
        .primaries()
        .forEach(
            (primary, value) ->
                checkPrimary(path + ".primaries." + primary, primary, value, addresses));
    Map<String, String> topics = new HashMap<>();
    group
        .streams()
        .forEach(
            (stream, spec) -> {
              String place = path + ".streams." + stream;
              checkStream(place, stream, spec, group);
              require(
                  streamOwners.putIfAbsent(stream, name) == null, place, "is in another group too");
              require(
                  topics.putIfAbsent(spec.topicOr(stream), stream) == null,
                  place,
                  "shares its topic with another stream of the group");
            });
  }

  private static void checkPrimary(
      String path, String name, @Nullable Primary primary, Map<String, String> addresses) {
    require(primary != null && NAME.matcher(name).matches(), path, "must be a named primary");
    require(!primary.bootstrap().isEmpty(), path + ".bootstrap", "must not be empty");
    for (String address : primary.bootstrap()) {
      Matcher found = ADDRESS.matcher(address == null ? "" : address);
      require(
          found.matches() && isPort(Integer.parseInt(found.group(2))),
          path + ".bootstrap",
          "must be host:port");
      if (primary.state() != Primary.WantedState.REMOVED) {
        String key =
            found.group(1).toLowerCase(Locale.ROOT) + ":" + Integer.parseInt(found.group(2));
        String owner = addresses.putIfAbsent(key, name);
        require(
            owner == null || owner.equals(name),
            path + ".bootstrap",
            "shares an address with primary '" + owner + "'");
      }
    }
    checkAuth(path + ".auth", primary.auth());
  }

  private static boolean isPort(int number) {
    return number >= 1 && number <= 65_535;
  }

  private static void checkStream(
      String path, String name, @Nullable StreamSpec spec, Group group) {
    require(spec != null && NAME.matcher(name).matches(), path, "must be a named stream");
    require(NAME.matcher(spec.topicOr(name)).matches(), path + ".topic", "is not a topic's name");
    require(spec.partitions() >= 1, path + ".partitions", "must be 1 or more");
    require(spec.copies() >= 1, path + ".copies", "must be 1 or more");
    require(
        spec.copies() <= group.readable().size(),
        path + ".copies",
        "is more than the primaries that are not removed");
    require(isPositive(spec.retentionS()), path + ".retention_s", "must be 1 or more");
    require(isPositive(spec.outageBudgetS()), path + ".outage_budget_s", "must be 1 or more");
  }

  private static boolean isPositive(@Nullable Long seconds) {
    return seconds == null || seconds >= 1;
  }

  private static void checkAuth(String path, Auth auth) {
    if (auth instanceof Auth.Plain plain) {
      text(path + ".username", plain.username());
      reference(path + ".password", plain.password());
      pem(path + ".ca", plain.ca());
    } else if (auth instanceof Auth.Scram scram) {
      text(path + ".username", scram.username());
      reference(path + ".password", scram.password());
      require(
          scram.mechanism().equals("SCRAM-SHA-256") || scram.mechanism().equals("SCRAM-SHA-512"),
          path + ".mechanism",
          "must be SCRAM-SHA-256 or SCRAM-SHA-512");
      pem(path + ".ca", scram.ca());
    } else if (auth instanceof Auth.Mtls mtls) {
      require(
          PEM.matcher(mtls.certificate()).matches(), path + ".certificate", "must be file:PATH");
      require(PEM.matcher(mtls.key()).matches(), path + ".key", "must be file:PATH");
      pem(path + ".ca", mtls.ca());
    } else if (auth instanceof Auth.OAuthBearer oauth) {
      require(
          URL.matcher(oauth.tokenEndpoint()).matches(), path + ".token_endpoint", "must be a URL");
      require(
          !USER_INFO.matcher(oauth.tokenEndpoint()).lookingAt(),
          path + ".token_endpoint",
          "must be a URL without user info");
      text(path + ".client_id", oauth.clientId());
      reference(path + ".client_secret", oauth.clientSecret());
      require(
          oauth.scope() == null || !oauth.scope().isEmpty(), path + ".scope", "must not be empty");
      pem(path + ".ca", oauth.ca());
      pem(path + ".token_ca", oauth.tokenCa());
    } else if (auth instanceof Auth.Workload workload) {
      require(
          SCOPE.matcher(workload.scope()).matches(),
          path + ".scope",
          "must be one scope, without blanks");
      pem(path + ".ca", workload.ca());
      pem(path + ".token_ca", workload.tokenCa());
    }
  }

  private static void text(String path, String value) {
    require(!value.isEmpty(), path, "must not be empty");
  }

  private static void reference(String path, String value) {
    require(
        SECRET.matcher(value).matches(),
        path,
        "must be a reference: env:NAME or file:/absolute/path");
  }

  private static void pem(String path, @Nullable String value) {
    require(value == null || PEM.matcher(value).matches(), path, "must be file:/absolute/path");
  }

  private static void require(boolean holds, String path, String message) {
    if (!holds) {
      throw new InvalidFieldException(path, message);
    }
  }
}
