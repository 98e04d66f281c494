"""What docs/azure/create.sh would have Azure do: run whole, with a stand-in that keeps what `az` is given.

That each command is one, with the options that it has, is told by Azure's own parser. What Azure makes of it
is not seen here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from anabranch.devkit.state import cache_home, exclusive

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "azure" / "create.sh"
CLI = Path(__file__).parent / "azure_cli"
ACCOUNT_ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acct"
VNET_ID = "/subscriptions/s/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v"
SETTINGS = {
    "LOCATION": "westeurope",
    "RESOURCE_GROUP": "rg",
    "ACCOUNT": "acct",
    "IDENTITY": "jobs",
    "VNET_ID": VNET_ID,
    "SUBNET_ID": f"{VNET_ID}/subnets/p",
    "CLUSTER": "aks",
    "CLUSTER_RESOURCE_GROUP": "aks-rg",
    "NAMESPACE": "jobs-prod",
    "SERVICE_ACCOUNT": "leaderboard",
}
STAND_IN = """#!{python}
import json, pathlib, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(words) + "\\n")
answers = {{"id": {account!r}, "principalId": "p-1", "clientId": "c-1",
            "oidcIssuerProfile.issuerUrl": "https://issuer/t/c/"}}
made = pathlib.Path({made!r})
if "--query" in words:
    print(answers[words[words.index("--query") + 1]])
elif words[:2] == ["network", "private-dns"] or words[:3] == ["network", "private-dns", "link"]:
    thing = made / "-".join(words[1:words.index("--name") - 1])
    if "create" in words:
        if thing.exists():
            sys.exit("PreconditionFailed: it exists already")
        thing.touch()
    elif not thing.exists():
        sys.exit(3)
"""


class Az:
    """The stand-in, first on PATH."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log.jsonl"
        made = folder / "made"
        made.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        program = self.bin / "az"
        program.write_text(
            STAND_IN.format(python=sys.executable, log=str(self._log), account=ACCOUNT_ID, made=str(made))
        )
        program.chmod(0o755)

    def asked(self) -> list[list[str]]:
        """The command lines since the last call."""
        lines = self._log.read_text().splitlines()
        self._log.unlink()
        return [json.loads(line) for line in lines]

    def run(self, **settings: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{self.bin}:{os.environ['PATH']}", **settings}
        return subprocess.run([SCRIPT], env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def az(tmp_path: Path) -> Az:
    return Az(tmp_path)


def options(commands: list[list[str]], *command: str) -> dict[str, str]:
    """Of the one call of that command."""
    (found,) = [words for words in commands if tuple(words[: len(command)]) == command]
    words = found[len(command) :]
    return {name: value for name, value in pairwise(words) if name.startswith("--")}


def test_it_creates_an_account_without_keys_and_one_identity_for_one_container(az: Az) -> None:
    done = az.run(**SETTINGS)

    assert done.returncode == 0, done.stderr
    asked = az.asked()
    account = options(asked, "storage", "account", "create")
    assert account["--allow-shared-key-access"] == "false"
    assert account["--allow-blob-public-access"] == "false"
    assert account["--public-network-access"] == "Disabled"
    role = options(asked, "role", "assignment", "create")
    assert role["--scope"] == f"{ACCOUNT_ID}/blobServices/default/containers/state"
    assert role["--assignee-object-id"] == "p-1"
    credential = options(asked, "identity", "federated-credential", "create")
    assert credential["--subject"] == "system:serviceaccount:jobs-prod:leaderboard"
    assert credential["--issuer"] == "https://issuer/t/c/"
    made: Any = yaml.safe_load(done.stdout)
    assert made["kind"] == "ServiceAccount"
    assert made["metadata"] == {
        "name": "leaderboard",
        "namespace": "jobs-prod",
        "annotations": {"azure.workload.identity/client-id": "c-1"},
    }


def test_it_may_be_run_again(az: Az) -> None:
    first, second = az.run(**SETTINGS), az.run(**SETTINGS)

    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert first.stdout == second.stdout


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_not_set_is_named_before_anything_is_made(az: Az, name: str) -> None:
    done = az.run(**{key: value for key, value in SETTINGS.items() if key != name})

    assert done.returncode != 0
    assert f"{name}: " in done.stderr
    with pytest.raises(FileNotFoundError):
        az.asked()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_azures_own_parser_takes_each_command(az: Az, tmp_path: Path) -> None:
    python = azure_cli()
    az.run(**SETTINGS)
    asked = az.asked()
    assert len(asked) > 15

    assert refused(python, asked, tmp_path) == []
    wrong = [["storage", "account", "create", "--name", "a", "--resource-group", "g", "--no-keys"]]
    assert len(refused(python, [*asked, *wrong], tmp_path)) == 1


def refused(python: Path, commands: list[list[str]], folder: Path) -> list[str]:
    """What the parser says of those that it does not take."""
    done = subprocess.run(
        [python, CLI / "check_commands.py"],
        input="".join(json.dumps(words) + "\n" for words in commands),
        env={
            "PATH": os.environ["PATH"],
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
        },
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.splitlines()


def azure_cli() -> Path:
    """Python of an environment with azure-cli (MIT, 370 MB), which is made once."""
    requirements = CLI / "requirements.txt"
    (version,) = (
        line.partition("==")[2]
        for line in requirements.read_text().splitlines()
        if line.startswith("azure-cli==")
    )
    folder = cache_home() / f"azure-cli-{version}"
    python, ready = folder / "bin" / "python", folder / ".ready"
    with exclusive(folder.with_name(f".{folder.name}.lock"), timeout_s=600, what="installing azure-cli"):
        if not ready.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run(
                [
                    python,
                    "-m",
                    "pip",
                    "install",
                    "-q",
                    "--disable-pip-version-check",
                    "--no-deps",
                    "-r",
                    requirements,
                ],
                check=True,
            )
            ready.touch()
    return python
