"""The files that settings name: secrets are read, certificates tried, before anything starts.

A certificate that does not load would otherwise show only as an endless row of failed connections.
"""

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from otel_tickrmeter.settings.faults import Fault
from otel_tickrmeter.settings.secret import read_secret, read_token

_SECRETS: Mapping[str, Callable[[Path], str]] = MappingProxyType(
    {
        "mqtt.password": read_secret,
        "kafka.password": read_secret,
        "notifications.webhook_token": read_token,
        "notifications.telegram_token": read_token,
    }
)
"""Each may be in a file, which the key with `_file` behind it names."""


def read_named_files(
    values: Mapping[str, Any], locate: Callable[[str], str | None]
) -> tuple[dict[str, Any], list[Fault]]:
    """What the named files put into the settings (secrets), and what is wrong with any of them."""
    found: dict[str, Any] = {}
    faults: list[Fault] = []

    def attempt(key: str, action: Callable[[Path], Any]) -> Any:  # noqa: ANN401  what the action returns
        path = values.get(key)
        if path is None:
            return None
        try:
            return action(path)
        except ValueError as error:
            faults.append(Fault(locate(key) or "built-in default", key, f"{path} {error}"))
            return None

    secrets = {key: attempt(f"{key}_file", read) for key, read in _SECRETS.items()}
    found.update({key: secret for key, secret in secrets.items() if secret is not None})
    attempt("mqtt.tls.ca_file", _try_authorities)
    key_password = attempt("mqtt.tls.key_password_file", read_secret)
    if values.get("mqtt.tls.key_file") is not None and values.get("mqtt.tls.cert_file") is not None:
        attempt(
            "mqtt.tls.cert_file",
            lambda cert: _try_certificate(cert, values["mqtt.tls.key_file"], key_password),
        )
    # OpenTelemetry's variables are set for whole clusters: they must not stop a program that does not push.
    if values.get("otlp.enabled"):
        attempt("otlp.tls.ca_file", _try_authorities)
        key = attempt("otlp.tls.key_file", _try_opening)
        if key is not None and values.get("otlp.tls.cert_file") is not None:
            attempt(
                "otlp.tls.cert_file",
                lambda cert: _try_certificate(cert, key, None),
            )
    for output in ("logging.file", "messages.dead_letter_file", "capture.file"):
        attempt(output, _try_output_file)
    attempt("state.file", _try_state_file)
    # The default is beside other files of the working directory, and nobody's typing error.
    if locate("database.spool") is not None:
        attempt("database.spool", _try_spool)
    return found, faults


def _try_opening(path: Path) -> Path:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"cannot be read: {_reason(error)}") from None
    return path


def _try_authorities(path: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        raise ValueError(f"has no usable certificate: {_reason(error)}") from None


def _try_certificate(cert: Path, key: Path, password: str | None) -> None:
    try:
        # A password is always given: without one OpenSSL asks for it on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password or "")
    except OSError as error:
        raise ValueError(f"does not load together with {key}: {_reason(error)}") from None


def _try_output_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise ValueError("is a directory")
        # Not made: the place of a file is for its operator to choose, and a typing error would go unseen.
        if not path.parent.is_dir():
            raise ValueError("is in a directory that does not exist")
        path.exists()
    except OSError as error:
        raise ValueError(f"cannot be opened: {_reason(error)}") from None


def _try_state_file(path: Path) -> None:
    _try_output_file(path)
    _try_new_files(path.parent)  # it is written beside its place, and then put there


def _try_spool(path: Path) -> None:
    try:
        if path.is_dir():
            _try_new_files(path)
        elif path.exists():
            raise ValueError("is not a directory")
        elif not path.parent.is_dir():
            raise ValueError("is in a directory that does not exist")
        else:
            _try_new_files(path.parent)
    except OSError as error:
        raise ValueError(f"cannot be used: {_reason(error)}") from None


def _try_new_files(directory: Path) -> None:
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ValueError(f"cannot be used: no file can be made in {directory}")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
