"""Builds faults.c, and says which environment makes which fault."""

import os
import pathlib
import subprocess

SOURCE = pathlib.Path(__file__).with_name("faults.c")


def build(folder):
    """Compiles the library into `folder`; its path."""
    library = os.path.join(folder, "faults.so")
    subprocess.run(
        ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o", library, SOURCE, "-ldl", "-lpthread"],
        check=True)
    return library


class Shim:
    """The library, for programs whose files are in one folder."""

    def __init__(self, library, folder):
        self.library, self.folder = library, str(folder)

    def environment(self, kill=None, kill_ms=None, shadow=None, full=None, clock=None, normal=False, randomless=False):
        """`kill`: (kind, n, "before" or "after"); the others as faults.c says."""
        faults = {
            "KILL": kill and "{} {} {}".format(*kill), "KILL_MS": kill_ms, "SHADOW": shadow, "FULL": full,
            "CLOCK": clock, "NORMAL": 1 if normal else None,
            "RANDOM": 1 if randomless else None}
        return {
            "LD_PRELOAD": self.library, "FAULT_FOLDER": self.folder,
            **{f"FAULT_{name}": str(value) for name, value in faults.items() if value is not None}}


class Kills:
    """Seeded moments to die at: some at a call, which not every run comes to, the others at a time."""

    def __init__(self, chance, most, longest_ms):
        """`most`: by kind of call, the highest n."""
        self.chance, self.most, self.longest_ms = chance, most, longest_ms

    def next(self):
        """Arguments for `Shim.environment`."""
        if self.chance.random() < 0.4:
            return {"kill_ms": self.chance.randint(1, self.longest_ms)}
        kind = self.chance.choice(list(self.most))
        # Early calls, which most runs come to, more often than late ones.
        n = 1 + int(self.most[kind] * self.chance.random() ** 2)
        return {"kill": (kind, n, self.chance.choice(["before", "after"]))}
