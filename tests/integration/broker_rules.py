"""What a broker forbids or does not take, for tests: permissions, and how large a batch may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

if TYPE_CHECKING:
    from anabranch.devkit.brokers import Broker

__all__ = ["AUTHORIZER", "admin_of", "allow", "forbid", "limit_batches"]

# Who may do what is looked up; what has no entry is free to all.
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}


def admin_of(broker: Broker) -> AdminClient:
    # Else it tells on stderr that it is let go.
    return AdminClient({**broker.client_config(), "log_level": 0})


def limit_batches(broker: Broker, topic: str, max_bytes: int) -> None:
    limit = ConfigEntry("max.message.bytes", str(max_bytes), incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[limit])
    admin = admin_of(broker)
    [done] = admin.incremental_alter_configs([changed]).values()
    done.result(30)


def _entry(topic: str, operation: AclOperation, kind: AclPermissionType) -> AclBinding:
    pattern = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
    return AclBinding(*pattern, "User:ANONYMOUS", "*", operation, kind)


def forbid(broker: Broker, topic: str, operation: AclOperation) -> None:
    """Denies one thing on a topic; a topic with any entry is free to nobody else, so that needs another."""
    denied = _entry(topic, operation, AclPermissionType.DENY)
    admin = admin_of(broker)
    made = admin.create_acls([denied, _entry(topic, AclOperation.ALL, AclPermissionType.ALLOW)])
    for each in made.values():
        each.result(30)


def allow(broker: Broker, topic: str, operation: AclOperation) -> None:
    admin = admin_of(broker)
    pattern = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL)
    denied = AclBindingFilter(*pattern, "User:ANONYMOUS", "*", operation, AclPermissionType.DENY)
    [done] = admin.delete_acls([denied]).values()
    assert len(done.result(30)) == 1
