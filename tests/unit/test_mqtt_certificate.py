"""What a certificate says of itself."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.mqtt.certificate import describe_certificate

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(
    subject: dict[x509.ObjectIdentifier, str],
    alternatives: list[x509.GeneralName] = [],  # noqa: B006  not changed
    *,
    begin: dt.datetime = dt.datetime(2026, 1, 31, tzinfo=dt.UTC),
    end: dt.datetime = dt.datetime(2026, 2, 28, tzinfo=dt.UTC),
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(*item) for item in subject.items()]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")]))
        .public_key(KEY.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


WHOLE = certificate(
    {NameOID.COMMON_NAME: "a.example"}, [x509.DNSName("a.example"), x509.DNSName("b.example")]
)
MANY: list[x509.GeneralName] = [x509.DNSName(f"{number}.example") for number in range(7)]
ADDRESS = x509.IPAddress(ipaddress.ip_address("10.0.0.7"))


@pytest.mark.parametrize(
    ("der", "expected"),
    [
        (WHOLE, "a.example, b.example"),
        (certificate({NameOID.ORGANIZATION_NAME: "o", NameOID.COMMON_NAME: "Z\u00fcrich"}), "Z\u00fcrich"),
        (certificate({}, [ADDRESS, x509.DNSName("c")]), "c, 10.0.0.7"),
        (certificate({}, [x509.RFC822Name("a@b")]), "no name"),
        (certificate({}, MANY), "0.example, 1.example, 2.example, 3.example, 4.example and 2 more"),
        (certificate({NameOID.COMMON_NAME: "a\nb"}), "a?b"),
    ],
)
def test_whose_it_is(der: bytes, expected: str) -> None:
    until = "issued by an authority, valid from 2026-01-31 to 2026-02-28"
    assert describe_certificate(der) == f"it is for {expected}, {until}"


@pytest.mark.parametrize(("begin", "end"), [(1951, 2049), (2000, 2050)])
def test_years(begin: int, end: int) -> None:
    moments = [dt.datetime(year, 3, 4, tzinfo=dt.UTC) for year in (begin, end)]
    found = describe_certificate(certificate({}, begin=moments[0], end=moments[1]))
    assert found.endswith(f"valid from {begin}-03-04 to {end}-03-04")


@given(st.binary())
def test_any_bytes_are_described_or_not(data: bytes) -> None:
    assert describe_certificate(data) == "" or data


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4))
def test_a_damaged_one_does_no_harm(at: int, damage: bytes) -> None:
    found = describe_certificate(WHOLE[:at] + damage + WHOLE[at + len(damage) :])
    assert found == "" or found.startswith("it is for ")
    assert describe_certificate(WHOLE[:at]) == ""
