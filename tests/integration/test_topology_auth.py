"""Typed auth against real brokers, through both client families: SCRAM over TLS, and mutual TLS."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from anabranch.connectors.jar_files import jar_paths
from anabranch.devkit import process
from anabranch.devkit.java import java
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.secure import SecureKind
from anabranch.topology import Primary, ScramAuth, librdkafka_config, load_topology

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300)]

# What a job does at its start: reads the document, resolves the secrets, connects.
JAVA = """
import dev.anabranch.topology.*;
import org.apache.kafka.clients.admin.Admin;

public class Connect {
  public static void main(String[] arguments) throws Exception {
    Topology topology = new TopologyReader(arguments[0]).read();
    Primary primary = topology.groupOf("logs").primaries().get("a");
    try (Admin admin = Admin.create(KafkaClientProperties.of(primary))) {
      String id = admin.describeCluster().clusterId().get(30, java.util.concurrent.TimeUnit.SECONDS);
      System.out.println("cluster=" + id);
    }
  }
}
"""


def _cluster_id(primary: Primary, timeout_s: float = 20) -> str:
    # librdkafka tells about refused credentials in its log only.
    admin = AdminClient({**librdkafka_config(primary), "log_level": 0})
    return str(admin.describe_cluster(request_timeout=timeout_s).result(30).cluster_id)


def _java_output(folder: Path, topology: Path) -> str:
    import pyflink

    source = folder / "Connect.java"
    source.write_text(JAVA)
    jars = [*(str(path) for path in jar_paths()), f"{Path(pyflink.__file__).parent}/lib/*"]
    done = process.run([java(), "-cp", ":".join(jars), source, topology], timeout_s=120)
    return done.output


@pytest.mark.parametrize("kind", ["scram", "mtls"])
def test_both_client_families_connect(kind: SecureKind, home: Path) -> None:
    with Loop.up(LoopSpec(name=f"auth-{kind}", primaries=1, secure=kind, streams={"logs": 1})) as loop:
        primary = load_topology(str(loop.topology_path)).group_of("logs").primaries["a"]
        assert primary.auth.type == kind
        identity = _cluster_id(primary)
        assert f"cluster={identity}\n" in _java_output(home, loop.topology_path)
        stranger = _stranger(primary, home)
        with pytest.raises(KafkaException):
            _cluster_id(stranger, timeout_s=3)


def _stranger(primary: Primary, folder: Path) -> Primary:
    """The same cluster by somebody with a wrong password, or with no certificate at all."""
    (folder / "wrong").write_text("wrong password")
    ca = getattr(primary.auth, "ca", None)
    wrong = ScramAuth(username="alice", password=f"file:{folder}/wrong", ca=ca)
    return primary.model_copy(update={"auth": wrong})
