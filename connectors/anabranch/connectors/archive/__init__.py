"""Reading archives of raw records: the Avro files that jobs leave by ``job.archive`` or ``ArchiveSink``.

Example::

    for record in read_archive("abfss://archive@account.dfs.core.windows.net/logs", stream="training-logs"):
        print(record.primary, record.partition, record.offset, record.value)
"""

from __future__ import annotations

from anabranch.connectors.archive.reader import ArchiveFileError, read_archive
from anabranch.connectors.archive.records import ArchivedRecord

__all__ = ["ArchiveFileError", "ArchivedRecord", "read_archive"]
