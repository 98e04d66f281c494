"""What is made of Blob Storage's refusals, which a local service does not give."""

from __future__ import annotations

from email.message import Message
from pathlib import Path

import pytest

from anabranch.errors import AnabranchError, TopologyError, UnavailableError
from anabranch.topology.blob_store import BlobStore
from anabranch.topology.store import Stored

URI = "abfss://config@account.dfs.core.windows.net/t.yaml"


class Answers(BlobStore):
    """A store whose service gives these answers, one after the other."""

    def __init__(self, folder: Path, *answers: tuple[int, str]) -> None:
        (folder / "token").write_text("x")
        file = str(folder / "token")
        super().__init__(
            URI, {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": file}
        )
        self._answers = list(answers)

    def _exchange(
        self, method: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, Message, bytes]:
        status, code = self._answers.pop(0)
        answer = Message()
        if code:
            answer["x-ms-error-code"] = code
        return status, answer, b""


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (409, "BlobAlreadyExists", TopologyError, "somebody else published meanwhile"),
        (412, "ConditionNotMet", TopologyError, "somebody else published meanwhile"),
        (412, "", TopologyError, "somebody else published meanwhile"),
        (412, "LeaseIdMissing", TopologyError, r"status 412 \(LeaseIdMissing\)"),
        (409, "BlobImmutableDueToPolicy", TopologyError, r"status 409 \(BlobImmutableDueToPolicy\)"),
        (
            403,
            "AuthorizationPermissionMismatch",
            TopologyError,
            r"refuses client c of tenant t \(Authorization",
        ),
        (401, "", TopologyError, r"refuses client c of tenant t \(401\)"),
        (404, "ContainerNotFound", TopologyError, "has no such container"),
        (429, "ServerBusy", UnavailableError, r"status 429 \(ServerBusy\)"),
    ],
)
def test_a_refused_write_says_why(
    tmp_path: Path, status: int, code: str, kind: type[AnabranchError], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        Answers(tmp_path, (status, code)).replace("text", Stored("before", '"1"'))
    assert type(caught.value) is kind
    assert caught.value.where == URI


def test_a_write_that_a_busy_service_refuses_may_be_there_or_not(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="answered 503, and does not show the new document"):
        Answers(tmp_path, (503, "ServerBusy"), (404, "BlobNotFound")).replace("text", None)


def test_a_read_tells_a_blob_that_is_absent_from_a_container_that_is(tmp_path: Path) -> None:
    assert Answers(tmp_path, (404, "BlobNotFound")).read() is None
    with pytest.raises(TopologyError, match="has no such container"):
        Answers(tmp_path, (404, "ContainerNotFound")).read()
    with pytest.raises(UnavailableError, match=r"status 503 \(ServerBusy\)"):
        Answers(tmp_path, (503, "ServerBusy")).read()
