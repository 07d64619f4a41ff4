"""What matrix-nio, an ordinary Matrix client, needs for the same messages over HTTPS, in bytes through a counting relay."""

import asyncio
import logging
import ssl

import nio

from byte_relay import ByteRelay
from processes import Failed


def measure(homeserver, user, room, messages, say):
    """Costs by message, on a new and on a kept connection: {name: {"new": (up, down), "kept": (up, down)}}.

    `messages` are contents that the client sends, by name; `say` puts (name, text) into the room as somebody else, for the
    client to receive.
    """
    logging.getLogger("nio").setLevel(logging.CRITICAL)
    return asyncio.run(_measure(homeserver, user, room, messages, say))


async def _measure(homeserver, user, room, messages, say):
    relay = ByteRelay(homeserver.port)
    trust = ssl.create_default_context(cafile=homeserver.ca_file)

    def client():
        made = nio.AsyncClient(f"https://127.0.0.1:{relay.port}", user.user_id, ssl=trust)
        made.access_token, made.user_id, made.device_id = user.token, user.user_id, "NIO"
        return made

    async def counted(connection, action):
        relay.taken()
        answer = await action(connection)
        if isinstance(answer, nio.ErrorResponse):
            raise Failed(f"matrix-nio: {answer}")
        await asyncio.sleep(0.1)
        return relay.taken()

    async def send(connection, content):
        return await connection.room_send(room, "m.room.message", content)

    # Only this room's messages, as a careful client would ask.
    nothing = {"types": []}
    event_filter = {
        "presence": nothing, "account_data": nothing,
        "room": {"rooms": [room], "state": nothing, "ephemeral": nothing, "account_data": nothing,
                 "timeline": {"types": ["m.room.message"]}}}
    costs = {}
    try:
        for name, content in messages.items():
            fresh = client()
            new = await counted(fresh, lambda c, content=content: send(c, content))
            kept = await counted(fresh, lambda c, content=content: send(c, content))
            await fresh.close()
            costs[name] = {"new": new, "kept": kept}
        listener = client()
        uploaded = await listener.upload_filter(
            presence=event_filter["presence"], room=event_filter["room"])
        first = await listener.sync(timeout=0, sync_filter=uploaded.filter_id)
        await listener.close()
        since = first.next_batch
        for name, text in say[1]:
            for kind in ("new", "kept"):
                await asyncio.to_thread(say[0], text)
                connection = client()
                if kind == "kept":
                    await connection.whoami()
                answers = []

                async def sync(c, since=since, answers=answers):
                    answers.append(await c.sync(timeout=0, since=since, sync_filter=uploaded.filter_id))
                    return answers[0]

                cost = await counted(connection, sync)
                await connection.close()
                if not any(event.body == text for info in answers[0].rooms.join.values() for event in info.timeline.events):
                    raise Failed(f"matrix-nio did not receive {text!r}")
                since = answers[0].next_batch
                costs.setdefault(name, {})[kind] = cost
    finally:
        relay.close()
    return costs
