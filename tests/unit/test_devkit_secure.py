"""How a loop's users are made: their passwords are in no command line, which anybody may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch.devkit import brokers, process
from anabranch.devkit.broker_config import server_properties
from anabranch.devkit.brokers import Broker, BrokerSpec
from anabranch.devkit.process import Completed
from anabranch.devkit.secure import Credentials
from anabranch.errors import EnvironmentMissingError

PASSWORDS = {"alice": "correct-horse", "broker": "battery-staple"}


@pytest.fixture
def scram(tmp_path: Path) -> Credentials:
    for user, password in PASSWORDS.items():
        (tmp_path / f"{user}.password").write_text(password)
    return Credentials("scram", tmp_path)


def test_users_come_from_a_file_of_the_owners_that_is_gone_afterwards(
    scram: Credentials, tmp_path: Path
) -> None:
    with scram.format_arguments(tmp_path) as arguments:
        [argument] = arguments
        file = Path(argument.removeprefix("@"))
        assert argument.startswith("@")
        assert file.stat().st_mode & 0o077 == 0
        # One argument a line is how argparse4j reads such a file.
        assert file.read_text().splitlines() == [
            "--add-scram",
            "SCRAM-SHA-512=[name=alice,password=correct-horse]",
            "--add-scram",
            "SCRAM-SHA-512=[name=broker,password=battery-staple]",
        ]
    assert not file.exists()


def test_mutual_tls_has_no_users(tmp_path: Path) -> None:
    with Credentials("mtls", tmp_path).format_arguments(tmp_path) as arguments:
        assert arguments == []


def test_no_command_line_has_a_password(
    scram: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Formatting is refused here, so the broker is not started; the file is gone nevertheless."""
    called: list[str] = []

    def refuse(argv: list[str | Path], **_: object) -> Completed:
        called.extend(str(part) for part in argv)
        return Completed(1, "no")

    monkeypatch.setattr(process, "run", refuse)
    monkeypatch.setattr(brokers, "java", lambda: Path("/bin/java"))
    monkeypatch.setattr(brokers, "kafka_jars", lambda: tmp_path)
    broker = Broker(tmp_path / "a", "mark", scram)
    broker.save_spec(BrokerSpec("a", 1, 2, "cluster"))
    with pytest.raises(EnvironmentMissingError, match="cannot format broker a"):
        broker.create({})
    assert "format" in called
    assert not any(password in part for password in PASSWORDS.values() for part in called)
    assert not list(tmp_path.rglob("format.arguments"))


@pytest.mark.parametrize("name", ["j\u00fcrgen", "a,b", "back\\slash", "\u6e2c\U0001f600"])
def test_a_broker_finds_its_files_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    spec = BrokerSpec("a", 1, 2, "id")
    text = server_properties(spec, folder / "data", Credentials("mtls", folder))
    text.encode("ascii")  # Java reads Latin-1
    # As java.util.Properties reads it.
    told = {
        key: value.encode("ascii").decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")
        for key, _, value in (line.partition("=") for line in text.splitlines())
    }
    assert told["ssl.keystore.location"] == str(folder / "broker-both.pem")
    assert told["ssl.truststore.location"] == str(folder / "ca.pem")
    assert folder / told["log.dirs"] == folder / "data"
    assert "," not in told["log.dirs"]
