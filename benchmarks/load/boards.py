"""What AutoCore boards send, at QoS 1: mostly readings, now and then a switching or a status.

Without timestamps, so that the same bytes may be sent again: then their arrival counts.
"""

from collections.abc import Iterator

from benchmarks.load.traffic import Wire

SENSORS = 4
STATE_RELAYS, STATE_SENSORS = 16, 8
_LEARNED = 33
_TURNS = 8
_SWITCH_EVERY = 10


def boards(count: int) -> Iterator[Wire]:
    """Yield a turn of the traffic: each board tells of itself, then of its sensors; one in ten switches."""
    for board in range(count):
        status = (
            b'{"device_id":"BOARD_%04d","status":"online","firmware_version":"1.5.0","uptime":3600}' % board
        )
        yield Wire("status", b"autocore/BOARD_%04d/status" % board, status)
    for turn in range(_TURNS):
        for board in range(count):
            number = turn * count + board
            if number % _SWITCH_EVERY == 0:
                on = b"true" if turn % 2 else b"false"
                payload = b'{"relay_index":%d,"state":%s,"triggered_by":"web"}' % (turn % 2, on)
                yield Wire(
                    "relay_status", b"autocore/BOARD_%04d/relay/%d/status" % (board, turn % 2), payload
                )
            yield Wire("telemetry", b"autocore/BOARD_%04d/telemetry" % board, _readings(board, number))


def known_boards(count: int) -> Iterator[Wire]:
    """Yield what makes a full fleet known, with the stamps of 1,000 messages a second since 1970.

    Each board has 16 relays, each of which was switched, and eight sensors with a level of their own.
    """
    sent = 0
    for turn in range(_LEARNED):
        for board in range(count):
            for relay in range(STATE_RELAYS if turn < 2 else 0):  # noqa: PLR2004  learned, and then switched
                sent += 1
                on = b"true" if turn else b"false"
                topic = b"autocore/BOARD_%04d/relay/%d/status" % (board, relay)
                told = b'{"state":%s,"triggered_by":"web","timestamp":%.3f}' % (on, sent / 1_000)
                yield Wire("relay_status", topic, told)
            sent += 1
            values = b",".join(b'"s%d":%d.5' % (key, 20 + sent * key % 7) for key in range(STATE_SENSORS))
            stamp = b'{"timestamp":%.3f,%b}' % (sent / 1_000, values)
            yield Wire("telemetry", b"autocore/BOARD_%04d/telemetry" % board, stamp)


def _readings(board: int, number: int) -> bytes:
    values = 20 + number % 7 / 10, 40 + number % 11 / 2, 12 + number % 5 / 10, 40_000 + number % 997
    return b'{"device_id":"BOARD_%04d","temperature":%.1f,"humidity":%.1f,"voltage":%.2f,"current":%d}' % (
        board,
        *values,
    )
