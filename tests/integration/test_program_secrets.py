"""Who may list processes learns no secret from it: `ps` shows command lines to everybody."""

from pathlib import Path

import psutil

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.support.job_desk import TOKENS, write_tokens
from tools.job_client import JobClient
from tools.server_process import free_port

SECRETS = ("sesame-broker", "sesame-webhook", "sesame-telegram", "sesame-push", *TOKENS)
MODULES = ("otel_tickrmeter.mqtt.receiver", "otel_tickrmeter.jobs.shard_process")


def test_no_secret_is_on_a_command_line(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "telegram").write_text("sesame-telegram\n")
    write_tokens(tmp_path / "tokens")
    (tmp_path / ".secrets.toml").write_text(
        '[mqtt]\npassword = "sesame-broker"\n'
        '[notifications]\nwebhook_token = "sesame-webhook"\n'
        '[otlp]\nheaders = {authorization = "Bearer sesame-push"}\n'
    )
    (tmp_path / ".secrets.toml").chmod(0o600)
    with Mosquitto(tmp_path, users={"u": "sesame-broker"}) as broker:
        environment = settings(
            broker.url,
            MQTT__USERNAME="u",
            AUTOCORE__ENABLED="true",
            AUTOCORE__DATABASE="false",
            NOTIFICATIONS__WEBHOOK_URL=nobody,
            NOTIFICATIONS__TELEGRAM_URL=nobody,
            NOTIFICATIONS__TELEGRAM_CHAT_ID="1",
            NOTIFICATIONS__TELEGRAM_TOKEN_FILE="telegram",  # noqa: S106  its name
            OTLP__ENABLED="true",
            OTLP__PROTOCOL="http/protobuf",
            OTLP__ENDPOINT=nobody,
            DAGDA__ENABLED="true",
            DAGDA__SHARDS="1",
            DAGDA__TOKENS_FILE="tokens",
        )
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()  # so the password has been used
            jobs = JobClient(exporter, next(iter(TOKENS)))
            job = jobs.create("fault", scenario=[{"step": "wait", "duration": "1h"}], port=free_port())
            jobs.wait(job, "in_progress")
            program = psutil.Process(exporter.pid)
            children = program.children(recursive=True)
            shown = " ".join(word for process in (program, *children) for word in process.cmdline())
            # What the receiver needs comes to it by another way, and is in its environment neither.
            inherited = [value for child in children for value in child.environ().values()]
            assert [module for module in MODULES if module not in shown] == []
            assert [secret for secret in SECRETS if secret in shown] == []
            assert [secret for secret in SECRETS if secret in " ".join(inherited)] == []
