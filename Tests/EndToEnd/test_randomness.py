"""Without random bytes there are no keys: the program ends, and nothing that looks like one leaves it."""

import os
import subprocess

from faults.shim import Shim
from sotto import SOTTO


def test_without_a_random_source_no_key_is_made(library, tmp_path):
    def run(randomless, *words):
        shim = Shim(library, tmp_path).environment(randomless=randomless)
        return subprocess.run(
            [SOTTO, *words], capture_output=True, text=True, timeout=60,
            env={**os.environ, **shim, "SWIFT_BACKTRACE": "enable=no"})

    assert len(run(False, "key", "generate").stdout) == 45
    assert run(False, "device", "init", tmp_path / "whole.yaml").returncode == 0
    done = run(True, "key", "generate")
    assert done.returncode < 0 and done.stdout == ""
    done = run(True, "device", "init", tmp_path / "none.yaml")
    assert done.returncode < 0 and done.stdout == ""
    assert not (tmp_path / "none.yaml").exists()
