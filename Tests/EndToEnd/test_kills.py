"""Whatever is killed, at whatever call: nothing acknowledged is lost, nothing is executed twice, no number is used twice."""

import os

import pytest

from faults import power, shim
from faults.exchange import Exchange
from faults.wire import Broken

LONG = bool(os.environ.get("SOTTO_LONG"))


@pytest.fixture(scope="session")
def library(folder):
    return shim.build(folder)


def test_a_two_way_exchange_survives_every_kill(world, cleanup, library):
    exchange = Exchange(world, cleanup, "killing", library, seed=7, devices=4 if LONG else 3)
    gateway, devices, homeserver = (1000, 500, 100) if LONG else (40, 25, 5)
    exchange.run(gateway, devices, homeserver, seconds=5400 if LONG else 240)
    exchange.check()
    print(exchange.summary())
    print(exchange.wire)
