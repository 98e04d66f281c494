"""What `anabranch run --help` tells of settings."""

from __future__ import annotations

import click

from anabranch.cli.run import command
from anabranch.cli.setting_option import SettingOption
from anabranch.pipelines.layers import environment_layer
from anabranch.pipelines.settings import Settings

OPTIONS = [param for param in command.params if isinstance(param, SettingOption)]


def _told(option: SettingOption) -> str:
    record = option.get_help_record(click.Context(command))
    assert record is not None
    return record[1]


def test_variable_and_default_stand_beside_what_click_tells() -> None:
    told = {option.opts[0]: _told(option) for option in OPTIONS}
    assert told["--parallelism"].endswith("  [env var: ANABRANCH_PARALLELISM; default: 2; x>=1]")
    assert told["--cluster"].endswith("  [env var: ANABRANCH_CLUSTER]"), "no default"


def test_variables_are_those_that_are_read_and_defaults_those_that_hold() -> None:
    for option in OPTIONS:
        path = tuple(str(option.name).split("__"))
        variable = _told(option).partition("env var: ")[2].rstrip("]").split("; ")[0]
        assert environment_layer({variable: "x"}).sources == {path: variable}
        default: object = Settings()
        for part in path:
            default = getattr(default, part)
        shown = None if default in (None, False) else str(default)
        assert option.otherwise == shown
    assert {str(option.name).split("__")[0] for option in OPTIONS} == set(Settings.model_fields) - {
        "state", "mini_batch", "inputs", "flink",
    }  # fmt: skip
