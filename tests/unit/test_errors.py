"""The error tree: what it says and that it is drawn as it is."""

import anabranch.errors as errors
from anabranch.errors import AnabranchError, TopologyError


def test_error_names_place_and_next_step() -> None:
    error = TopologyError("generation 3 is older than 4", where="topology.yaml:1", hint="raise it to 5")
    assert str(error) == "topology.yaml:1: generation 3 is older than 4\n  next: raise it to 5"


def test_all_errors_are_in_the_tree_and_in_all() -> None:
    found = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert found == set(errors.__all__)
    assert all(issubclass(getattr(errors, name), AnabranchError) for name in found)
