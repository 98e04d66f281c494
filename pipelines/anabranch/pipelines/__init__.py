"""Jobs: typed records in, typed records out, with safe defaults.

::

    job = Job("count-runs")
    logs = job.read("training-logs", Log)
    job.sql(f"SELECT run, COUNT(*) AS records FROM {logs} GROUP BY run").write("run-counts", key="run")
"""

from __future__ import annotations

from anabranch.pipelines.expressions import first_by, last_by
from anabranch.pipelines.function import Function
from anabranch.pipelines.job import Job
from anabranch.pipelines.records import Metadata, Name
from anabranch.pipelines.sql_types import SqlType
from anabranch.pipelines.table import Table

__all__ = ["Function", "Job", "Metadata", "Name", "SqlType", "Table", "first_by", "last_by"]
