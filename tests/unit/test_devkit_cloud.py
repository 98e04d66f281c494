"""A loop's local cloud: what its state file says, and what Flink is started with because of it."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from anabranch.connectors.jar_files import plugin_folder
from anabranch.devkit import process
from anabranch.devkit.cloud_services import CloudServices, CloudSpec
from anabranch.devkit.flink_config import environment, plugin_folders, session_config
from anabranch.devkit.loop import FlinkSpec, Loop, LoopSpec
from anabranch.devkit.state import loops_home, write_json
from anabranch.errors import ConfigurationError, EnvironmentMissingError

STATE = "abfss://state@anabranch.dfs.core.windows.net"


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loop:
    """One with a cloud that listens on 1 and 2, as its files say."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    spec = LoopSpec(name="mine", cloud=CloudSpec())
    folder = loops_home() / "mine"
    state = {"phase": "detached", "mark": "m", "spec": asdict(spec), "owner": asdict(process.self_ref())}
    write_json(folder / "loop.json", state)
    ports = {"azurite": 1, "token-service": 2}
    write_json(folder / "cloud" / "cloud.json", {"spec": asdict(CloudSpec()), "ports": ports})
    return Loop.find("mine")


def test_services_of_the_cloud_are_those_of_the_loop(loop: Loop) -> None:
    assert loop.service("azurite").folder == loop.service("token-service").folder == loop.folder / "cloud"
    with pytest.raises(ConfigurationError, match="has no primary 'azurite'"):
        loop.wipe("azurite")


def test_state_files_of_loops_without_a_cloud_are_read() -> None:
    spec = LoopSpec(cloud=CloudSpec(rotate_every_s=3))
    assert LoopSpec.from_json(json.loads(json.dumps(asdict(spec)))) == spec
    older = asdict(LoopSpec())
    del older["cloud"]
    assert LoopSpec.from_json(older) == LoopSpec()


def test_flink_gets_an_identity_and_no_key(loop: Loop, tmp_path: Path) -> None:
    spec = loop._with_state_in_cloud(FlinkSpec(options={"fs.azure.blob.memory": "8 mb"}))
    options = yaml.safe_load(session_config(spec, tmp_path, 1, 2))
    assert options["execution.checkpointing.dir"] == f"{STATE}/checkpoints"
    assert options["execution.checkpointing.savepoint-dir"] == f"{STATE}/savepoints"
    azure = {key: value for key, value in options.items() if key.startswith("fs.azure")}
    assert azure == {
        "fs.azure.blob.endpoint.anabranch": "https://127.0.0.1:1/anabranch",
        "fs.azure.blob.ca-file": str(loop.folder / "cloud" / "tls" / "ca.pem"),
        "fs.azure.blob.memory": "8 mb",
    }
    variables = environment(spec, tmp_path / "pyflink", tmp_path / "flink")
    assert variables["AZURE_AUTHORITY_HOST"] == "https://127.0.0.1:2/"
    assert variables["AZURE_FEDERATED_TOKEN_FILE"] == str(loop.folder / "cloud" / "identity" / "token")
    assert {"AZURE_CLIENT_ID", "AZURE_TENANT_ID"} < variables.keys()
    assert variables["FLINK_PLUGINS_DIR"] == str(tmp_path / "flink" / "plugins")
    (tmp_path / "pyflink" / "plugins" / "metrics-jmx").mkdir(parents=True)
    (tmp_path / "pyflink" / "plugins" / "README.txt").write_text("")
    names = [folder.name for folder in plugin_folders(spec, tmp_path / "pyflink")]
    assert names == ["metrics-jmx", "azure-blob-fs"]
    own = loop._with_state_in_cloud(FlinkSpec(options={"execution.checkpointing.dir": "file:///here"}))
    assert own.options["execution.checkpointing.dir"] == "file:///here", "what the user gives wins"


def test_a_loop_without_a_cloud_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no local cloud") as error:
        CloudServices(tmp_path, "m").environment  # noqa: B018
    assert error.value.hint == "anabranch dev up --blob"


def test_a_plugin_that_was_not_built_is_named() -> None:
    with pytest.raises(EnvironmentMissingError, match="Flink's plugin no-such has not been built") as error:
        plugin_folder("no-such")
    assert error.value.hint == "run `make setup`"


def test_a_shell_gets_what_clients_need_by_one_file(tmp_path: Path) -> None:
    cloud = CloudServices(tmp_path / "it's $HOME", "m")
    cloud.prepare(CloudSpec(), 1, 2)
    done = process.run(["sh", "-c", f". {shlex.quote(str(cloud.environment_file))}; env"], timeout_s=20)
    assert done.code == 0, done.output
    told = dict(line.split("=", 1) for line in done.output.splitlines() if "=" in line)
    assert cloud.client_environment.items() <= told.items()
    assert told["ANABRANCH_BLOB_ENDPOINT_ANABRANCH"] == "https://127.0.0.1:1/anabranch"
    assert cloud.environment.items() < cloud.client_environment.items()
