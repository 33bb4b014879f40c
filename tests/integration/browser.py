"""A real Chromium without a window, driven by its DevTools protocol."""

import itertools
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.support.waiting import DEADLINE_SECONDS, wait_until
from tools.server_process import ServerProcess

_FAULTS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")


class _Chromium(ServerProcess):
    def __init__(self, directory: Path) -> None:
        self._port_file = directory / "profile" / "DevToolsActivePort"
        command = [
            *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--disable-background-networking", "--disable-extensions"),
            *(f"--user-data-dir={directory / 'profile'}", "--remote-debugging-port=0", "about:blank"),
        ]
        super().__init__("chromium", directory, command)

    @property
    def port(self) -> int:
        return int(self._port_file.read_text().splitlines()[0])

    def _up(self) -> bool:
        return self._port_file.exists() and bool(self._port_file.read_text())


class Browser:
    """One page of a browser of its own, while the context lasts.

    `faults` has what the console was told, and errors that nothing caught.
    """

    def __init__(self, directory: Path) -> None:
        self._process = _Chromium(directory)
        self._numbers = itertools.count(1)
        self._connection: ClientConnection | None = None
        self.faults: list[str] = []

    def __enter__(self) -> Self:
        self._process.__enter__()
        with httpx.Client(trust_env=False) as client:
            targets = client.get(f"http://127.0.0.1:{self._process.port}/json").json()
        (address,) = (each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page")
        self._connection = connect(address, max_size=None, proxy=None)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
        self._process.__exit__(kind, error, trace)

    def command(self, method: str, **params: object) -> dict[str, Any]:
        """Have something done; returns what it gave."""
        assert self._connection is not None
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            told = json.loads(self._connection.recv(timeout=DEADLINE_SECONDS))
            if told.get("method") in _FAULTS:
                self.faults.append(json.dumps(told["params"]))
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told['error']}"
                found: dict[str, Any] = told["result"]
                return found

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401  whatever the expression is
        """Evaluate JavaScript in the page; promises are waited for."""
        found = self.command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, url: str) -> None:
        """Load a page, and wait until it is complete."""
        self.command("Page.navigate", url=url)
        wait_until(
            lambda: self.evaluate("document.readyState === 'complete' && location.href") == url,
            f"{url} to be loaded",
        )

    def text(self) -> str:
        """All text that can be seen."""
        seen: str = self.evaluate("document.body.innerText")
        return seen

    def resize(self, width: int, height: int) -> None:
        """Make the window so large, in CSS pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme: str) -> None:
        """Prefer a colour scheme: `light` or `dark`."""
        self.command(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def scripts(self, *, on: bool) -> None:
        """Switch JavaScript of pages on or off, for those that are loaded from now on."""
        self.command("Emulation.setScriptExecutionDisabled", value=not on)

    def screenshot(self) -> bytes:
        """Take a picture of the window, base64 of a PNG."""
        found: str = self.command("Page.captureScreenshot", format="png")["data"]
        return found.encode()
