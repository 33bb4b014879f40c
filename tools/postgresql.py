"""A real PostgreSQL for tests and benchmarks: Debian's, with a database for each that asks."""

import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from tools.server_process import ServerProcess, free_port

_PROGRAMS = Path("/usr/lib/postgresql")
"""Debian keeps them by version, not on the path."""


class PostgreSql(ServerProcess):
    """One server, running while the context lasts: on a free port of the loopback address and a Unix socket.

    It refuses to run as root; then it runs as `postgres`, in a directory of its own, since a test's is closed
    to others. Its account `owner` may do everything with the databases, and nothing else.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.password = secrets.token_urlsafe()
        self._numbers = itertools.count()
        directory = Path(tempfile.mkdtemp(prefix="postgresql-"))
        programs = max(_PROGRAMS.glob("*/bin"), key=lambda path: int(path.parent.name))
        self._account: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(directory, account.pw_uid, account.pw_gid)
            self._account = [
                "setpriv",
                f"--reuid={account.pw_uid}",
                f"--regid={account.pw_gid}",
                "--clear-groups",
            ]
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": directory,
            "fsync": "off",  # what is asked is what a killed client or server leaves, not a power cut
        }
        data = directory / "data"
        command = [*self._account, str(programs / "postgres"), "-D", str(data)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        super().__init__("postgresql", directory, command)
        self._initialise([str(programs / "initdb"), "-D", str(data)])

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.directory)

    def stop(self) -> int:
        """Stops it, without waiting for its clients; returns its exit code."""
        self.send(signal.SIGINT)
        return self.wait_end()

    def kill(self) -> None:
        """Ends it at once, and the processes that serve its clients: they would outlive it for a moment."""
        serving = [] if self._process is None else psutil.Process(self._process.pid).children(recursive=True)
        super().kill()
        for each in serving:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(serving)

    def create(self, template: str = "template0") -> str:
        """Make a database as a copy of another, and return its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER owner")
        return name

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Carry out a statement as the one who may do everything."""
        with psycopg.connect(self._administration(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, database: str, *, password: str | None = None) -> str:
        """Of a database, for its owner, over TCP."""
        return f"postgresql://owner:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def _administration(self, database: str) -> str:
        return f"host={self.directory} port={self.port} user=administrator dbname={database}"

    def _initialise(self, command: Sequence[str]) -> None:
        options = ["--username=administrator", "--auth-local=trust", "--auth-host=scram-sha-256"]
        options += ["--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(  # noqa: S603  PostgreSQL's own program
            [*self._account, *command, *options], cwd=self.directory, check=True, capture_output=True
        )

    def _up(self) -> bool:
        try:
            psycopg.connect(self._administration("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Starts it; the first time it gets its owner of databases."""
        super().start()
        self.execute(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'owner') THEN "
            f"CREATE ROLE owner LOGIN PASSWORD '{self.password}'; END IF; END $$"
        )
