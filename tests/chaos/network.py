"""A network of the run's own, which loses packets, has no room for them or none at all: no proxy can do that.

For a proxy ends a connection and begins another one; here it is the kernel's, which sends again, waits ever
longer, and does not say so. What is done to it is over with the namespace, whatever becomes of the run.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tools.server_process import find_program

_INSIDE = "CHAOS_NETWORK"


def enter(module: str, arguments: Sequence[str]) -> None:
    """Begin this program anew in a network that has a loopback and nothing else; in there, go on.

    For that one has to be root, in there at least, which anybody may be where users have namespaces.
    """
    if os.environ.get(_INSIDE):
        _run("ip", "link", "set", "lo", "up")
        return
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *as_root, "--net", sys.executable, "-m", module, *arguments]
    os.execvpe(command[0], command, {**os.environ, _INSIDE: "1"})  # noqa: S606  ours, from the system


@contextmanager
def lossy(port: int, share: float) -> Iterator[None]:
    """Of the packets to and from the port that share is lost."""
    chance = ("-m", "statistic", "--mode", "random", "--probability", str(share))
    rules = [("-p", "tcp", end, str(port), *chance, "-j", "DROP") for end in ("--sport", "--dport")]
    for rule in rules:
        _run("iptables", "-w", "-A", "INPUT", *rule)
    try:
        yield
    finally:
        for rule in rules:
            _run("iptables", "-w", "-D", "INPUT", *rule)


@contextmanager
def narrow(port: int, kilobits: int) -> Iterator[None]:
    """No more than that a second goes to and from the port; the rest waits in a long queue."""
    _tc("qdisc", "add", "root", "handle", "1:", "htb", "default", "10")
    try:
        for name, rate in (("1:10", "10gbit"), ("1:20", f"{kilobits}kbit")):
            _tc("class", "add", "parent", "1:", "classid", name, "htb", "rate", rate)
        for end in ("sport", "dport"):
            match = ("match", "ip", end, str(port), "0xffff", "flowid", "1:20")
            _tc("filter", "add", "parent", "1:", "protocol", "ip", "u32", *match)
        yield
    finally:
        _tc("qdisc", "del", "root")


def _tc(what: str, how: str, *more: str) -> None:
    _run("tc", what, how, "dev", "lo", *more)


def _run(program: str, *arguments: str) -> None:
    subprocess.run([find_program(program), *arguments], check=True, stderr=subprocess.DEVNULL)
