"""What runs in a loop, as plain values for tables and JSON."""

from __future__ import annotations

from typing import Any

from anabranch.devkit import process
from anabranch.devkit.brokers import Broker
from anabranch.devkit.diagnosis import reason_in
from anabranch.devkit.loop import Loop
from anabranch.devkit.service import Service, ServiceState
from anabranch.devkit.topics import is_ready

__all__ = ["status_of"]

# What follows an exception, its stack too, is seldom longer.
_LAST_LINES = 200


def status_of(loop: Loop) -> dict[str, Any]:
    """The loop, its files and each of its services; brokers are asked whether they answer."""
    return {
        "name": loop.name,
        "folder": str(loop.folder),
        "topology": str(loop.topology_path),
        "secure": loop.spec.secure,
        "streams": loop.streams,
        "flink": loop.flink.url if loop.spec.flink else None,
        "checkpoints": loop.flink.checkpoints if loop.spec.flink else None,
        "cloud": _cloud(loop) if loop.spec.cloud else None,
        "services": [_service(service, loop) for service in loop.services],
    }


def _cloud(loop: Loop) -> dict[str, Any]:
    """What another program needs to find the local cloud; no secret among it."""
    cloud = loop.cloud
    return {
        "location": cloud.location,
        "environment": cloud.client_environment,
        "flink_options": cloud.flink_options,
    }


def _service(service: Service, loop: Loop) -> dict[str, Any]:
    state, ref = service.state, service.ref
    runs = ref is not None and state in (ServiceState.UP, ServiceState.PAUSED)
    return {
        "name": service.name,
        "state": state.value,
        "pid": ref.pid if ref is not None and runs else None,
        "where": _where(service, loop),
        "memory_mb": process.memory_mb(ref) if ref is not None and runs else None,
        "note": _note(service, state),
        "log": str(service.log_path),
    }


def _where(service: Service, loop: Loop) -> str:
    if isinstance(service, Broker):
        return service.bootstrap
    if loop.spec.cloud and service.name in [each.name for each in loop.cloud.services]:
        return loop.cloud.url(service)
    return loop.flink.url if service.name == loop.flink.job_manager.name else ""


def _note(service: Service, state: ServiceState) -> str:
    if state is ServiceState.DIED:
        # Whoever started it has looked at all of its log, if it died at its start.
        return service.death or reason_in(service.tail(_LAST_LINES) or ["it left no log"])[:120]
    if isinstance(service, Broker):
        answers = state is not ServiceState.UP or is_ready(service.client_config())
        return f"cluster {service.spec.cluster_id}" + ("" if answers else "; does not answer")
    return ""
