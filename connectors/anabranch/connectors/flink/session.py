"""One Flink environment for one job: statements in, one submission out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from anabranch.connectors.flink.file_systems import load_file_systems
from anabranch.connectors.flink.gateway import start_gateway
from anabranch.connectors.flink.own_cluster import OwnCluster
from anabranch.connectors.flink.submission import Submission

__all__ = ["FlinkSession", "Operator", "TableColumn"]


@dataclass(frozen=True)
class TableColumn:
    """One column of a table, as Flink resolved it.

    Attributes:
        name: Not quoted.
        type: In SQL, with ``NOT NULL`` where that holds.
    """

    name: str
    type: str


@dataclass(frozen=True)
class Operator:
    """One operator of a job.

    Attributes:
        uid: What its state is found by; empty if it goes by the operator's place in the whole job.
        name: As shown on Flink's web page.
        description: What it computes, and so what its state holds, where the planner tells.
    """

    uid: str
    name: str
    description: str


class FlinkSession:
    """A streaming (or batch) table environment whose PyFlink objects can be had, but need not be.

    The JVM starts here, which takes seconds. All methods raise PyFlink's own exceptions;
    :mod:`anabranch.pipelines` turns them into errors that name the user's line.

    Args:
        configuration: Flink's options; ``execution.target`` and ``rest.address`` among them decide where
            the job runs.
        jars: Connectors and formats.
        log_folder: Where the JVM is to write its log.
        file_systems: Options of Flink's file systems, which are then loaded, those of plugins among them: for
            topologies, and for state of a job that runs here. None: they are left as they are.
        batch: Run in batch mode: for tests, over bounded files.

    Attributes:
        log_folder: Where it does: a JVM that was running already has another one. None: PyFlink's own place.
    """

    def __init__(
        self,
        configuration: Mapping[str, str],
        *,
        jars: Sequence[Path] = (),
        log_folder: Path | None = None,
        file_systems: Mapping[str, str] | None = None,
        batch: bool = False,
    ) -> None:
        target = configuration.get("execution.target", "local")
        only_plans = target == "remote"
        self._runs_here = target == "local" and not batch
        self.log_folder = start_gateway(jars, log_folder, only_plans=only_plans)
        if file_systems is not None:
            load_file_systems(file_systems)
        from pyflink.common import Configuration
        from pyflink.datastream import StreamExecutionEnvironment
        from pyflink.table import EnvironmentSettings, StreamTableEnvironment

        config = Configuration()
        # Otherwise PyFlink runs whatever `python` is first on PATH.
        config.set_string("python.executable", sys.executable)
        config.set_string("python.client.executable", sys.executable)
        for key, value in configuration.items():
            config.set_string(key, value)
        self._configuration = config
        self._file_systems = file_systems
        builder = EnvironmentSettings.new_instance().with_configuration(config)
        settings = (builder.in_batch_mode() if batch else builder.in_streaming_mode()).build()
        self._environment = StreamExecutionEnvironment.get_execution_environment(config)
        self._tables = StreamTableEnvironment.create(self._environment, settings)
        self._statements = self._tables.create_statement_set()
        self._has_statements = False
        self._archives: list[str] = []

    @property
    def environment(self) -> Any:
        """PyFlink's ``StreamExecutionEnvironment``."""
        return self._environment

    @property
    def table_environment(self) -> Any:
        """PyFlink's ``StreamTableEnvironment``."""
        return self._tables

    def execute(self, statement: str) -> None:
        """Runs a statement that defines something (``CREATE …``)."""
        self._tables.execute_sql(statement)

    def create_view(self, name: str, query: str | Any) -> None:
        """Gives a query, a PyFlink ``Table`` or ``DataStream`` a name."""
        table = self._tables.sql_query(query) if isinstance(query, str) else query
        self._tables.create_temporary_view(_path(name), table)

    def columns(self, name: str) -> tuple[TableColumn, ...]:
        """The resolved columns of a table or view."""
        resolved = self.table(name)._j_table.getResolvedSchema()
        return tuple(
            TableColumn(column.getName(), column.getDataType().getLogicalType().asSerializableString())
            for column in resolved.getColumns()
        )

    def table(self, name: str) -> Any:
        """A table or view as PyFlink's ``Table``."""
        return self._tables.from_path(_path(name))

    def to_stream(self, name: str) -> Any:
        """An append-only table or view as PyFlink's ``DataStream`` of rows."""
        return self._tables.to_data_stream(self.table(name))

    def from_stream(self, stream: Any) -> Any:
        """A PyFlink ``DataStream`` as a ``Table``."""
        return self._tables.from_data_stream(stream)

    def register_function(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: Sequence[str],
        result: str,
        *,
        by_value: Sequence[ModuleType] = (),
    ) -> None:
        """Makes a Python function callable in SQL, in thread mode.

        Args:
            name: In SQL.
            function: Gets one value per argument and returns one.
            arguments: SQL types.
            result: SQL type.
            by_value: Modules whose functions and classes travel with it, where it uses them: those that a
                cluster cannot import. All others are imported there.
        """
        import cloudpickle
        from pyflink.table.udf import udf

        for module in by_value:
            cloudpickle.register_pickle_by_value(module)

        wrapped = udf(function, input_types=list(arguments), result_type=result, name=name)
        self._tables.create_temporary_system_function(name, wrapped)

    def insert(self, statement: str) -> None:
        """Adds an ``INSERT INTO`` to what :meth:`submit` runs."""
        self._statements.add_insert_sql(statement)
        self._has_statements = True

    def archive(self, options: Mapping[str, str], place: str) -> None:
        """Adds an archive of a stream to what :meth:`submit` runs.

        Args:
            options: Of the connector ``union``.
            place: URI of the folder.
        """
        from pyflink.java_gateway import get_gateway

        java_options = get_gateway().jvm.java.util.HashMap()
        for name, value in options.items():
            java_options.put(name, value)
        # Else only a statement would do so, when it is planned: PyFlink makes an environment that runs here.
        self._environment.configure(self._configuration)
        environment = self._environment._j_stream_execution_environment
        get_gateway().jvm.dev.anabranch.table.Connectors.archive(environment, java_options, place)
        self._archives.append(f"{options['stream']} -> {place}")

    def explain(self, *, as_json: bool = False) -> str:
        """The plan of all inserts so far, with the archives: text, or the JSON of the inserts' execution."""
        from pyflink.table import ExplainDetail

        details = [ExplainDetail.JSON_EXECUTION_PLAN] if as_json else []
        plan = str(self._statements.explain(*details)) if self._has_statements else ""
        if self._archives and not as_json:
            plan += "\n".join(["== Archives ==", *self._archives, ""])
        return plan

    def compiled_plan(self) -> str:
        """Flink's compiled plan of all inserts, as JSON: what the planner made of keys and changelogs."""
        return str(self._statements.compile_plan().as_json_string())

    def operators(self) -> list[Operator]:
        """The operators that :meth:`submit` would run, by which a restore finds their state.

        Nothing can be inserted afterwards: it turns the statements into operators for good.
        """
        self._attach()
        graph = self._environment._j_stream_execution_environment.getStreamGraph(False)
        nodes = sorted(graph.getStreamNodes().toArray(), key=lambda node: int(node.getId()))
        return [
            Operator(node.getTransformationUID() or "", node.getOperatorName(), node.getOperatorDescription())
            for node in nodes
        ]

    def submit(self, name: str) -> Submission:
        """Submits all inserts and all sinks of streams as one job; returns once it is accepted."""
        self._attach()
        if not self._runs_here:
            return Submission(self._environment.execute_async(name))
        from pyflink.common.job_client import JobClient

        cluster = OwnCluster(self._environment, name, self._file_systems)
        return Submission(JobClient(cluster.client), cluster.close)

    def _attach(self) -> None:
        if self._has_statements:
            self._statements.attach_as_datastream()
            self._has_statements = False

    def collect(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Runs a bounded query by itself and yields its rows; slow beyond some thousand rows."""
        with self._tables.sql_query(query).execute().collect() as rows:
            for row in rows:
                yield tuple(row)


def _path(name: str) -> str:
    """A table's name where PyFlink parses a path, so that any character is possible in it."""
    return "`" + name.replace("`", "``") + "`"
