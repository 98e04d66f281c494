"""The only place of anabranch that imports PyFlink, each module with types of our own.

PyFlink carries no types and starts a JVM at odd moments. Modules here (except ``streams``) import it inside
functions, so that importing them costs nothing.

:mod:`~anabranch.connectors.flink.session`
    One environment for a job: statements, views, functions, one submission.
:mod:`~anabranch.connectors.flink.streams`
    Source, sink and de-duplication for the DataStream API (imported only by who wants it).
:mod:`~anabranch.connectors.flink.java_errors`
    From an exception of the JVM to the chain of its causes.
"""

from __future__ import annotations

__all__: list[str] = []
