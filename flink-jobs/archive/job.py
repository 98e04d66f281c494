"""The training logs as they lie on the primaries, every copy of every record, kept in Avro files."""

from __future__ import annotations

from anabranch.pipelines import Job

job = Job("archive")
job.archive("training-logs")
