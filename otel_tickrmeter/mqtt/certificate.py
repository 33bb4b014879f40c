"""What a certificate says of itself, for people: whose it is, from whom, and until when.

The standard library tells that of a certificate it has verified; the one that was refused is the one that
somebody has to find.
"""

_MOST_NAMES = 5
_UNREAD = "whose it is would be said with otel-tickrmeter[tls]"


def describe_certificate(der: bytes) -> str:
    """What it says, as `it is for a, issued by b, valid from 2026-01-01 to 2026-02-01`; empty for garbage.

    Without the library that reads it: how to have it.
    """
    # Of the optional part `tls`, and 10 MB of memory that only who refuses somebody needs.
    try:
        from cryptography import x509  # noqa: PLC0415
        from cryptography.x509.oid import NameOID  # noqa: PLC0415
    except ModuleNotFoundError:
        return _UNREAD

    def common_names(name: x509.Name) -> list[str]:
        return [str(attribute.value) for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME)]

    try:
        certificate = x509.load_der_x509_certificate(der)
        names = common_names(certificate.subject)
        issuers = common_names(certificate.issuer)
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names += found.get_values_for_type(x509.DNSName)
            names += map(str, found.get_values_for_type(x509.IPAddress))
        except x509.ExtensionNotFound:
            pass
    except Exception:  # noqa: BLE001  what a damaged one makes of the library is not to end the receiver
        return ""
    names = list(dict.fromkeys(names))
    shown = ", ".join(names[:_MOST_NAMES]) or "no name"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    by = ", ".join(issuers) or "nobody"
    return _printable(
        f"it is for {shown}{more}, issued by {by}, valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}"
    )


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)
