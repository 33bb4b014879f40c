"""The text of a web configuration file into a record, with every fault and its place; opens no file.

Everything that exporter-toolkit v0.14 knows. Stricter than it where the toolkit takes what cannot work:
hashes that no password fits, versions in the wrong order, a limit that lets nobody in.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from otel_tickrmeter.http.protect.config import RateLimit, ServerTls, WebConfig
from otel_tickrmeter.http.protect.names import (
    ANY_CLIENT,
    CIPHER_SUITES,
    CLIENT_AUTH,
    CURVES,
    HEADERS,
    VERSIONS,
)
from otel_tickrmeter.http.protect.tree import Collected, Entry, read_root, table_of
from otel_tickrmeter.settings.faults import SettingsError

_TABLES = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
_TLS_KEYS = (
    *("cert_file", "key_file", "client_ca_file", "cert", "key", "client_ca"),
    *("client_auth_type", "client_allowed_sans", "min_version", "max_version"),
    *("cipher_suites", "curve_preferences", "prefer_server_cipher_suites"),
)
# TLS is meant as soon as one of these is given.
_MEANS_TLS = (*_TLS_KEYS[:6], "client_auth_type")
_HASH = re.compile(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_LEAST_COST, _MOST_COST = 4, 31
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)")
_UNITS: Mapping[str, float] = MappingProxyType(
    {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
)


def read_web_config(raw: bytes, path: Path) -> WebConfig:
    """The record that a file's content stands for; names of files in it are relative to its directory.

    Raises:
        SettingsError: with every fault. No message holds a hash, a key or a password.
    """
    collected = Collected(str(path))
    root = table_of(read_root(raw, collected), collected, _TABLES)
    config = WebConfig(
        tls=_tls(root.get("tls_server_config"), path.parent, collected),
        headers=_headers(root.get("http_server_config"), collected),
        users=_users(root.get("basic_auth_users"), collected),
        rate_limit=_rate_limit(root.get("rate_limit"), collected),
    )
    if collected.faults:
        raise SettingsError(collected.faults)
    return config


def _tls(entry: Entry | None, directory: Path, collected: Collected) -> ServerTls | None:
    given = table_of(entry, collected, _TLS_KEYS)
    texts = {name: _text(given, name, collected) for name in (*_TLS_KEYS[:7], "min_version", "max_version")}
    sans = given.get("client_allowed_sans")
    tls = ServerTls(
        cert_file=_joined(directory, texts["cert_file"]),
        key_file=_joined(directory, texts["key_file"]),
        client_ca_file=_joined(directory, texts["client_ca_file"]),
        cert=texts["cert"],
        key=texts["key"],
        client_ca=texts["client_ca"],
        client_auth=_one_of(given, "client_auth_type", CLIENT_AUTH, collected) or "NoClientCert",
        client_allowed_sans=None if sans is None else _words(sans, None, collected),
        min_version=_one_of(given, "min_version", _same(VERSIONS), collected) or "TLS12",
        max_version=_one_of(given, "max_version", _same(VERSIONS), collected) or "TLS13",
        cipher_suites=_list(given, "cipher_suites", CIPHER_SUITES, collected),
        curve_preferences=_list(given, "curve_preferences", CURVES, collected),
        prefer_server_cipher_suites=_flag(given, "prefer_server_cipher_suites", collected),
        lines=MappingProxyType({name: found.line for name, found in given.items()}),
    )
    if entry is None or not any(texts[name] for name in _MEANS_TLS):
        return None
    _hold_together(tls, entry.line, collected)
    return tls


def _hold_together(tls: ServerTls, line: int, collected: Collected) -> None:
    def fault(key: str, message: str) -> None:
        collected.add(tls.lines.get(key, line), f"tls_server_config.{key}", message)

    if tls.cert_file is None and not tls.cert:
        fault("cert_file", "is missing: TLS needs a certificate (or cert)")
    if tls.key_file is None and not tls.key:
        fault("key_file", "is missing: TLS needs a key (or key)")
    if VERSIONS.index(tls.min_version) > VERSIONS.index(tls.max_version):
        fault("min_version", "must not be above max_version")
    for key, given in (("client_ca_file", tls.client_ca_file), ("client_ca", tls.client_ca)):
        if given and tls.client_auth == "NoClientCert":
            fault(key, "has no effect without a client_auth_type that asks for certificates")
    if tls.client_allowed_sans is not None and tls.client_auth not in ANY_CLIENT:
        fault("client_allowed_sans", f"needs client_auth_type {' or '.join(ANY_CLIENT)}")


def _headers(entry: Entry | None, collected: Collected) -> tuple[tuple[str, str], ...]:
    given = table_of(entry, collected, ("http2", "headers"))
    _flag(given, "http2", collected)
    found: list[tuple[str, str]] = []
    for name, header in table_of(given.get("headers"), collected, HEADERS, named_by_hand=True).items():
        value = header.text(collected)
        if value is None:
            continue
        allowed = HEADERS[name]
        if allowed and value not in allowed:
            collected.add(header.line, header.key, f"must be one of {', '.join(allowed)}")
        elif not value.isascii() or not value.isprintable() or value != value.strip():
            collected.add(header.line, header.key, "must be printable ASCII without blanks at its ends")
        else:
            found.append((name, value))
    return tuple(found)


def _users(entry: Entry | None, collected: Collected) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for name, user in table_of(entry, collected, named_by_hand=True).items():
        value = user.text(collected)
        if value is None:
            continue
        matched = _HASH.fullmatch(value)
        if matched is None or not _LEAST_COST <= int(matched[1]) <= _MOST_COST:
            collected.add(user.line, user.key, "must be a bcrypt hash, as of `htpasswd -nBC 10 NAME`")
        else:
            found[name] = value.encode("ascii")
    return MappingProxyType(found)


def _rate_limit(entry: Entry | None, collected: Collected) -> RateLimit | None:
    given = table_of(entry, collected, ("burst", "interval"))
    burst = given["burst"].whole(collected) if "burst" in given else 0
    if "interval" not in given:
        return None
    interval = given["interval"]
    text = interval.text(collected)
    seconds = _seconds(text or "")
    if text is None:
        return None
    if seconds is None:
        collected.add(interval.line, interval.key, "must be a duration with its unit, such as 100ms or 1s")
    elif seconds and burst is not None:
        if burst >= 1:
            return RateLimit(burst, seconds)
        at = given.get("burst", interval)
        collected.add(at.line, "rate_limit.burst", "must be at least 1: nobody would be served")
    return None


def _seconds(text: str) -> float | None:
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(parts) != text:
        return None
    total = 0.0
    for part in parts:
        unit = part.lstrip("0123456789.")
        total += float(part.removesuffix(unit)) * _UNITS[unit]
    return total


def _text(given: Mapping[str, Entry], name: str, collected: Collected) -> str:
    return given[name].text(collected) or "" if name in given else ""


def _flag(given: Mapping[str, Entry], name: str, collected: Collected) -> bool:
    return name not in given or given[name].flag(collected) is not False


def _joined(directory: Path, name: str) -> Path | None:
    return directory / name if name else None


def _same(words: Iterable[str]) -> dict[str, str]:
    return {word: word for word in words}


def _one_of(
    given: Mapping[str, Entry], name: str, known: Mapping[str, str], collected: Collected
) -> str | None:
    if name not in given:
        return None
    entry = given[name]
    value = entry.text(collected)
    if value is not None and value not in known:
        collected.add(entry.line, entry.key, f"must be one of {', '.join(filter(None, known))}")
    return None if value is None else known.get(value)


def _list(
    given: Mapping[str, Entry], name: str, known: Mapping[str, str], collected: Collected
) -> tuple[str, ...]:
    return _words(given[name], known.__contains__, collected) if name in given else ()


def _words(entry: Entry, known: Callable[[str], bool] | None, collected: Collected) -> tuple[str, ...]:
    found: list[str] = []
    for item in entry.items(collected):
        value = item.text(collected)
        if value is None:
            continue
        if known is None or known(value):
            found.append(value)
        else:
            collected.add(item.line, item.key, f"does not know {value[:60]!r}")
    return tuple(found)
