package dev.anabranch.prism;

import dev.anabranch.testkit.LocalBroker;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** What a broker lets everybody do. */
final class Permissions {
  /** Of a broker that looks it up; what has no entry is free to all. */
  static final Map<String, String> LOOKED_UP =
      Map.of(
          "authorizer.class.name",
          "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
          "allow.everyone.if.no.acl.found",
          "true");

  private Permissions() {}

  /** Forbids one thing; the rest needs an entry, since a topic with any is free to nobody else. */
  static void forbid(LocalBroker broker, String topic, AclOperation operation) throws Exception {
    try (Admin admin = broker.admin()) {
      admin
          .createAcls(
              List.of(
                  acl(topic, operation, AclPermissionType.DENY),
                  acl(topic, AclOperation.ALL, AclPermissionType.ALLOW)))
          .all()
          .get();
    }
  }

  /** Forbids that no longer. */
  static void allow(LocalBroker broker, String topic, AclOperation operation) throws Exception {
    try (Admin admin = broker.admin()) {
      AclBinding denied = acl(topic, operation, AclPermissionType.DENY);
      admin.deleteAcls(List.of(denied.toFilter())).all().get();
    }
  }

  private static AclBinding acl(String topic, AclOperation operation, AclPermissionType type) {
    return new AclBinding(
        new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL),
        new AccessControlEntry("User:ANONYMOUS", "*", operation, type));
  }
}
