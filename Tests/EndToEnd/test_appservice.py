"""What the homeserver calls: the application service API."""

import http.client
import json
import time

import yaml


def call(site, method, path, body=None, token="right"):
    connection = http.client.HTTPConnection("127.0.0.1", site.appservice_port, timeout=10)
    headers = {}
    if token == "right":
        with open(site.config) as file:
            headers["Authorization"] = f"Bearer {yaml.safe_load(file)['appservice']['hs_token']}"
    elif token:
        headers["Authorization"] = token
    connection.request(method, path, body if body is None or isinstance(body, (str, bytes)) else json.dumps(body), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer.get("errcode")


def test_only_the_homeserver_is_listened_to(site):
    path = "/_matrix/app/v1/transactions/x"
    assert call(site, "PUT", path, {"events": []}, token=None) == (401, "M_MISSING_TOKEN")
    assert call(site, "PUT", path, {"events": []}, token="Bearer wrong") == (403, "M_FORBIDDEN")
    assert call(site, "PUT", path, {"events": []}, token="Basic x") == (401, "M_MISSING_TOKEN")
    assert call(site, "PUT", path, {"events": []}) == (200, None)


def test_wrong_paths_methods_and_bodies_are_refused_as_the_specification_says(site):
    assert call(site, "GET", "/_matrix/app/v1/nothing") == (404, "M_UNRECOGNIZED")
    assert call(site, "GET", "/") == (404, "M_UNRECOGNIZED")
    assert call(site, "POST", "/_matrix/app/v1/transactions/x") == (405, "M_UNRECOGNIZED")
    for body in ("", "{", "[]", "{}", '{"events": 1}', b"\xff"):
        assert call(site, "PUT", "/_matrix/app/v1/transactions/y", body) == (400, "M_NOT_JSON")
    assert call(site, "POST", "/_matrix/app/v1/ping", {"transaction_id": "t"}) == (200, None)
    assert call(site, "GET", "/_matrix/app/v1/rooms/%23x%3Ahs.test") == (404, "M_NOT_FOUND")


def test_the_homeserver_learns_which_users_are_devices(site, room):
    user = room.device_user.replace("@", "%40").replace(":", "%3A")
    assert call(site, "GET", f"/_matrix/app/v1/users/{user}") == (200, None)
    assert call(site, "GET", "/_matrix/app/v1/users/%40sotto_nobody%3Ahs.test") == (404, "M_NOT_FOUND")


def message(room, number, **changes):
    return {
        "event_id": f"$event{number}", "room_id": room.id, "sender": "@someone:hs.test", "type": "m.room.message",
        "origin_server_ts": 1700000000000, "content": {"msgtype": "m.text", "body": f"text {number}"}, **changes}


def test_a_transaction_that_comes_twice_counts_once_also_after_a_restart(site, room):
    path = "/_matrix/app/v1/transactions/same"
    assert call(site, "PUT", path, {"events": [message(room, 1)]}) == (200, None)
    # A retried body differs: ages have changed.
    assert call(site, "PUT", path, {"events": [message(room, 1, age=7)]}) == (200, None)
    site.kill()
    site.start()
    assert call(site, "PUT", path, {"events": [message(room, 1)]}) == (200, None)
    assert site.devices()[room.device_name]["waiting"] == 1


def test_an_event_that_cannot_be_read_does_not_hold_up_the_others(site, room):
    odd = [None, 3, {}, message(room, 1, content=None), message(room, 2, sender=5), message(room, 3, content={"body": 1})]
    assert call(site, "PUT", f"/_matrix/app/v1/transactions/{time.time_ns()}", {"events": odd + [message(room, 4)]}) == (200, None)
    assert site.devices()[room.device_name]["waiting"] == 1
