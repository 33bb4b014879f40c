"""Whether a certificate of ours is one that others take today: for who is about to run with it."""

from datetime import datetime


def why_not_valid(pem: bytes, now: datetime) -> str:
    """Why the first certificate in a text is of no use at a time, as `ended on 2026-01-31`; empty: it may be.

    Also for what is no certificate, and without the library that reads them, which is an optional part.
    """
    try:
        from cryptography import x509  # noqa: PLC0415

        certificate = x509.load_pem_x509_certificate(pem)
    except (ModuleNotFoundError, ValueError):
        return ""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return f"ended on {end:%Y-%m-%d}"
    return f"is valid from {begin:%Y-%m-%d} on" if now < begin else ""
