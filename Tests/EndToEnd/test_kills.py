"""Whatever is killed, at whatever call: nothing acknowledged is lost, nothing is executed twice, no number is used twice."""

import os

import pytest

from faults.exchange import Exchange
from faults.wire import Broken

LONG = bool(os.environ.get("SOTTO_LONG"))


def test_a_two_way_exchange_survives_every_kill(world, cleanup, library):
    exchange = Exchange(world, cleanup, "killing", library, seed=7, devices=4 if LONG else 3)
    gateway, devices, homeserver = (1000, 500, 100) if LONG else (40, 25, 5)
    exchange.run(gateway, devices, homeserver, seconds=5400 if LONG else 240)
    exchange.check()
    print(exchange.summary())
    print(exchange.wire)


# How likely something that was not synchronised is on the disk all the same: all of it is gone, or any part of it.
POWER = [0, 0, 0.5]


def test_a_two_way_exchange_survives_power_cuts(world, cleanup, library):
    exchange = Exchange(world, cleanup, "cutting", library, seed=8, devices=3, power=POWER)
    gateway, devices = (200, 100) if LONG else (20, 10)
    exchange.run(gateway, devices, seconds=3000 if LONG else 120)
    exchange.check()
    print(exchange.summary())
    print(exchange.wire)


def test_a_power_cut_is_noticed_where_commits_are_not_synchronised(world, cleanup, library):
    """The same with SQLite's usual setting for a write-ahead log, which loses the last transactions with the power."""
    exchange = Exchange(world, cleanup, "careless", library, seed=9, devices=3, power=[0], normal=True)
    with pytest.raises(Broken) as found:
        exchange.run(6, 0, seconds=60, calm_seconds=6)
        exchange.check()
    print(f"after {exchange.kills} cuts: {found.value}")
