"""Laws of DATABASE_URL: any text is a URL or one fault, and a password is understood and never shown."""

from contextlib import suppress
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.settings.database import DatabaseUrlError, PostgresqlUrl, parse_database_url

PARTS = st.lists(
    st.sampled_from(["sqlite", "postgresql", "postgres", "://", ":", "/", "@", "?", "=", "&", "[", "]"])
)
PASSWORDS = st.text(
    st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"]), min_size=1
)


@given(st.one_of(st.text(), PARTS.map("".join), st.text().map("postgresql://".__add__)))
def test_any_text_is_a_url_or_the_declared_fault(text: str) -> None:
    with suppress(DatabaseUrlError):
        url = parse_database_url(text)
        if not isinstance(url, PostgresqlUrl) or url.password is None:
            assert parse_database_url(str(url)) == url


@given(PASSWORDS)
def test_a_quoted_password_is_understood(password: str) -> None:
    url = parse_database_url(f"postgresql://u:{quote(password, safe='')}@h/d")
    assert isinstance(url, PostgresqlUrl)
    assert url.password == password


@given(PASSWORDS.map(lambda text: f"secret{text}"))
def test_a_password_is_never_shown_quoted_or_not(password: str) -> None:
    for written in (password, quote(password, safe="")):
        try:
            url = parse_database_url(f"postgresql://u:{written}@h/d?sslmode=require")
        except DatabaseUrlError as fault:
            shown = str(fault)
        else:
            shown = f"{url} {url!r}"
        assert "secret" not in shown
