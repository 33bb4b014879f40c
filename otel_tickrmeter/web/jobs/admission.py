"""Who asks: whoever shows a token, on a way on which nobody else has seen it."""

import re

from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.jobs.asked import Caller, JobRefused, Reason
from otel_tickrmeter.jobs.token_file import TokenFile, TokensUnusableError
from otel_tickrmeter.web.api import problem, with_headers

# RFC 6750, section 2.1.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
_CHALLENGE = 'Bearer realm="otel-tickrmeter"'
_RETRY = (("Retry-After", "5"),)


class NotAdmittedError(Exception):
    """Whoever asks may not.

    Attributes:
        refused: What is to be counted.
        response: What is answered.
    """

    def __init__(self, reason: Reason, response: Response) -> None:
        super().__init__(reason.value)
        self.refused = JobRefused(reason, "not admitted")
        self.response = response


async def admit(request: HttpRequest, tokens: TokenFile) -> Caller:
    """Who asks.

    Raises:
        NotAdmittedError: Nobody whom the file of tokens knows, or on an open way.
    """
    if not request.private:
        text = "Jobs are handled over TLS (prometheus.web_config_file), or at a loopback address."
        raise NotAdmittedError(Reason.FORBIDDEN, problem(403, "Not here", text))
    shown = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if shown is None:
        text = "Show a token of dagda.tokens_file: Authorization: Bearer TOKEN."
        raise _nobody(text, _CHALLENGE)
    try:
        caller = await tokens.caller(shown[1])
    except TokensUnusableError:
        text = "No token can be used: dagda.tokens_file is at fault. The log of the exporter says how."
        response = with_headers(problem(503, "No tokens", text), _RETRY)
        raise NotAdmittedError(Reason.FULL, response) from None
    if caller is None:
        raise _nobody("dagda.tokens_file does not know this token.", f'{_CHALLENGE}, error="invalid_token"')
    return caller


def _nobody(text: str, challenge: str) -> NotAdmittedError:
    response = with_headers(problem(401, "Unauthorized", text), (("WWW-Authenticate", challenge),))
    return NotAdmittedError(Reason.FORBIDDEN, response)
