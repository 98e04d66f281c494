"""Flink within this process's JVM that outlives its job, so that it still tells how the job ended.

The one that PyFlink would start, through Flink's ``LocalExecutor``, stops the moment in which the job ends,
and its API with it: nobody could say how many records there were. This does what that executor does, but
for that.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from anabranch.connectors.flink.file_systems import load_file_systems

__all__ = ["OwnCluster"]

_POLL_S = 0.05
_STATE_FOLDERS = "state.backend.rocksdb.localdir"


class OwnCluster:
    """One small Flink for one job.

    Args:
        environment: PyFlink's ``StreamExecutionEnvironment``.
        name: Of the job, which is all that the environment holds.
        file_systems: More options of Flink's file systems, which are then loaded; the environment's own win.
            None: they are left as they are.

    Attributes:
        client: Java's ``JobClient``.
    """

    def __init__(self, environment: Any, name: str, file_systems: Mapping[str, str] | None) -> None:
        from pyflink.java_gateway import get_gateway

        jvm = get_gateway().jvm
        java_environment = environment._j_stream_execution_environment
        configuration = jvm.org.apache.flink.configuration.Configuration(java_environment.getConfiguration())
        if file_systems is not None:
            # Anew, since whoever looked for restore points meanwhile did so with options of its own.
            load_file_systems({**file_systems, **configuration.toMap()})
        if not configuration.containsKey(_STATE_FOLDERS):
            # RocksDB logs in files that are named by the whole path of its data. With Flink's own place that
            # name is too long for a file, where a job is restored with another parallelism.
            configuration.setString(_STATE_FOLDERS, jvm.System.getProperty("java.io.tmpdir"))
        graph = jvm.org.apache.flink.client.deployment.executors.PipelineExecutorUtils.getStreamGraph(
            environment._generate_stream_graph(clear_transformations=True, job_name=name), configuration
        )
        graph.serializeUserDefinedInstances()
        clusters = jvm.org.apache.flink.runtime.minicluster
        managers, slots = _size(jvm, configuration, graph.getMaximumParallelism())
        settings = (
            getattr(clusters, "MiniClusterConfiguration$Builder")()
            .setConfiguration(configuration)
            .setNumTaskManagers(managers)
            .setNumSlotsPerTaskManager(slots)
            .setRpcServiceSharing(clusters.RpcServiceSharing.SHARED)
            .build()
        )
        loader = jvm.Thread.currentThread().getContextClassLoader()
        stays = getattr(clusters, "MiniClusterJobClient$JobFinalizationBehavior").NOTHING
        self._cluster = clusters.MiniCluster(settings)
        try:
            self._cluster.start()
            job_id = self._cluster.submitJob(graph).get().getJobID()
            self.client = clusters.MiniClusterJobClient(job_id, self._cluster, loader, stays)
            self._await_initialized(job_id)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets it end, without waiting for that."""
        with contextlib.suppress(Exception):
            self._cluster.closeAsync()

    def _await_initialized(self, job_id: Any) -> None:
        """Raises what keeps the job from being set up, such as a checkpoint that does not fit."""
        while (status := str(self._cluster.getJobStatus(job_id).get())) == "INITIALIZING":
            time.sleep(_POLL_S)
        if status == "FAILED":
            self.client.getJobExecutionResult().get()


def _size(jvm: Any, configuration: Any, parallelism: int) -> tuple[int, int]:
    """TaskManagers and slots of each, as Flink chooses them for such a cluster where its options do not."""
    options = jvm.org.apache.flink.configuration
    overrides = configuration.get(options.PipelineOptions.PARALLELISM_OVERRIDES).values()
    managers = int(configuration.get(options.TaskManagerOptions.MINI_CLUSTER_NUM_TASK_MANAGERS))
    widest = max([parallelism, *(int(each) for each in overrides)])
    slots = configuration.getOptional(options.TaskManagerOptions.NUM_TASK_SLOTS).orElse(
        -(-widest // managers)
    )
    return managers, int(slots)
