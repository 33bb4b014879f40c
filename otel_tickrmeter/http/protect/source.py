"""The web configuration file as it is now: read again when it, or a file that it names, has changed.

The toolkit reads all of them for each connection and each request. Here they are looked at as often, and read
when what the system says of them is not what it was.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from otel_tickrmeter.http.protect.config import WebConfig
from otel_tickrmeter.http.protect.context import TlsContext, make_context
from otel_tickrmeter.http.protect.read import read_web_config
from otel_tickrmeter.settings.faults import Fault, SettingsError
from otel_tickrmeter.settings.whole_file import FileState, read_whole, state_of


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """`config` None: the file is at fault. `context` None: plain HTTP, or its certificates are at fault."""

    config: WebConfig | None
    context: TlsContext | None
    faults: tuple[Fault, ...]


class ConfigSource:
    """Looks after one file; every method may take as long as the disk does, and be called by any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._files: tuple[Path, ...] = ()
        self._states: tuple[FileState, ...] = ()
        self._loaded: LoadedConfig | None = None

    def current(self) -> LoadedConfig:
        """What the file says now."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            elif self._states != tuple(map(state_of, self._files)):
                self._loaded = self._load()
                _tell(self._path, self._loaded)
            return self._loaded

    def _load(self) -> LoadedConfig:
        # What they are is noted before they are read: what changes meanwhile is read once more.
        self._files, self._states = (self._path,), (state_of(self._path),)
        try:
            config = read_web_config(read_whole(self._path), self._path)
        except SettingsError as error:
            return LoadedConfig(None, None, error.faults)
        if config.tls is None:
            return LoadedConfig(config, None, ())
        named = config.tls.files()
        self._files, self._states = (*self._files, *named), (*self._states, *map(state_of, named))
        try:
            return LoadedConfig(config, make_context(config.tls, self._path), ())
        except SettingsError as error:
            return LoadedConfig(config, None, error.faults)


def check_web_config(path: Path) -> tuple[Fault, ...]:
    """Everything that is wrong with a file, and with the certificates that it names."""
    return ConfigSource(path).current().faults


def _tell(path: Path, loaded: LoadedConfig) -> None:
    if not loaded.faults:
        logger.info("{} or a file that it names has changed, and was read anew", path)
    for fault in loaded.faults:
        logger.error("The web configuration cannot be used, and refuses everybody it is about: {}", fault)
