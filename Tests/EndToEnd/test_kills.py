"""Whatever is killed, at whatever call: nothing acknowledged is lost, nothing is executed twice, no number is used twice."""

import contextlib
import os

from faults.exchange import Exchange
from faults.wire import Broken

LONG = bool(os.environ.get("SOTTO_LONG"))


def test_a_two_way_exchange_survives_every_kill(world, cleanup, library):
    exchange = Exchange(world, cleanup, "killing", library, seed=7, devices=4 if LONG else 3)
    gateway, devices, homeserver = (1000, 500, 100) if LONG else (40, 25, 5)
    exchange.run(gateway, devices, homeserver, seconds=5400 if LONG else 600)
    exchange.check()
    print(exchange.summary())
    print(exchange.wire)


# How likely something that was not synchronised is on the disk all the same: all of it is gone, or any part of it.
POWER = [0, 0, 0.5]


def test_a_two_way_exchange_survives_power_cuts(world, cleanup, library):
    exchange = Exchange(world, cleanup, "cutting", library, seed=8, devices=3, power=POWER)
    gateway, devices = (200, 100) if LONG else (20, 10)
    exchange.run(gateway, devices, seconds=3000 if LONG else 400)
    exchange.check()
    print(exchange.summary())
    print(exchange.wire)


def test_a_power_cut_is_noticed_where_commits_are_not_synchronised(world, cleanup, library):
    """The same with SQLite's usual setting for a write-ahead log, which loses the last transactions with the power."""
    exchange = Exchange(world, cleanup, "careless", library, seed=9, devices=3, power=[0], normal=True)
    with contextlib.suppress(Broken):
        exchange.run(6, 0, seconds=60, calm_seconds=3)
    # What the homeserver was told is durable, and neither waits for its device nor was heard.
    waiting = {name: device["waiting"] for name, device in exchange.site.devices().items()}
    lost = [
        sum(event in exchange.pushes.taken for event in device.said) - len(device.heard) - waiting[device.name]
        for device in exchange.devices]
    assert max(lost) > 0, (lost, exchange.summary())
    print(f"commands lost by {exchange.kills} cuts: {lost}")
