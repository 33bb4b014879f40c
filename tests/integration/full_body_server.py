"""The HTTP server with an exposition as large as a full fleet's, renewed all the time: run as a program.

It prints its port. It stands alone, so that its memory is that of the server and nothing else.
"""

import gc

import anyio

from otel_tickrmeter.http.message import ResponseBody
from otel_tickrmeter.http.negotiate import Format
from otel_tickrmeter.http.server import serve
from otel_tickrmeter.telemetry.body import Body, BodyWriter
from otel_tickrmeter.web.pages import HealthReport, LandingState
from otel_tickrmeter.web.routes import build_routes

LINES = 371_000
RENEWED_SECONDS = 0.5


def exposition() -> Body:
    """Return a body of 34 MB of lines that compress like those of a fleet."""
    writer = BodyWriter(["text"])
    writer.write_shared(
        "".join(
            f'tickrmeter_stock_update_requests_total{{device_id="{device * 2_654_435_761 % 2**48:012x}",'
            f'symbol="S{device % 500}"}} {device % 977}.0\n'
            for device in range(start, start + 1000)
        )
        for start in range(0, LINES, 1000)
    )
    return writer.finish()["text"]


async def main() -> None:
    """Serve until killed."""
    body = exposition()

    async def source(_: Format, gzip: bool) -> ResponseBody:  # noqa: FBT001  the routes' callable
        return body.gzip("# tail\n") if gzip else body.plain("# tail\n")

    routes = build_routes(
        metrics_path="/metrics",
        exposition=source,
        not_ready_reason=lambda: None,
        health=lambda: HealthReport("healthy", True, None, 0, 0, 0.0, 1.0, {}),  # noqa: FBT003  a field
        landing=lambda: LandingState("Exporter", "1", None, "/metrics"),
    )
    async with anyio.create_task_group() as tasks:
        port = await tasks.start(serve, "127.0.0.1", 0, routes, lambda *_: None)
        gc.collect()
        print(port, flush=True)  # noqa: T201  for who started it
        while True:
            await anyio.sleep(RENEWED_SECONDS)
            # Another object each time, as with each new snapshot: who still reads an old one keeps it.
            body = Body(bytes(bytearray(body.deflated)), body.crc, body.size)


if __name__ == "__main__":
    anyio.run(main)
