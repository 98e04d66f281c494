"""Brings up an attached loop, says so, and waits to be killed. Usage: attached.py NAME."""

from __future__ import annotations

import sys
import time

from anabranch.devkit.loop import Loop, LoopSpec

with Loop.up(LoopSpec(name=sys.argv[1], primaries=1, streams={"s": 1})):
    print("up", flush=True)
    time.sleep(600)
