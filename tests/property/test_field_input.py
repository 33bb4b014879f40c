"""However devices and backends spell and wrap what they send: an answer on time stays an answer."""

import json

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.tickrmeter.spelling import canonical_mac, canonical_symbol
from otel_tickrmeter.stream.message import Message
from tests.support.exporter import Exporter
from tests.support.wire import A

SYMBOLS = st.sampled_from(["AAPL", "BRK B", "S&P 500", "Nestlé", "7203.T", "ПАО Газпром", 'say "X"'])
BLANKS = st.text(" \t\r\n\0", max_size=3)


@st.composite
def spelled(draw: st.DrawFn, device_id: str) -> str:
    """Any mix of case and separators."""
    parts = []
    for character in device_id:
        parts.append(draw(st.sampled_from([character.lower(), character.upper()])))
        parts.append(draw(st.sampled_from(["", "", ":", "-", "."])))
    return "".join(parts[:-1])


@st.composite
def wrapped(draw: st.DrawFn, fields: dict[str, str]) -> bytes:
    """A JSON object with these fields, and around them what else is sent in the field."""
    members = [f"{json.dumps(name)}:{json.dumps(value)}".encode() for name, value in fields.items()]
    members += draw(
        st.lists(
            st.sampled_from(
                [
                    b'"price":NaN',
                    b'"price":-inf',
                    b'"name":"B\xfcro"',
                    b'"name":"a\nb"',
                    rb'"name":"\ud800"',
                    rb'"note":"nan \" inf \\"',
                    b'"price":1e999',
                    b'"params":{"a":[1,2,{}]}',
                ]
            ),
            max_size=3,
        )
    )
    body = b"{" + b",".join(draw(st.permutations(members))) + b"}"
    mark = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]))
    return (
        mark + body + draw(st.sampled_from([b"", b"\0", b"\0\0", b"\r\n", b" \0\r\n", b'\0{"symbol":"OLD"}']))
    )


@given(st.data(), SYMBOLS, st.integers(0, 30))
def test_a_good_request_and_its_good_answer_on_time_end_as_answered(
    data: st.DataObject, symbol: str, latency_ns: int
) -> None:
    exporter = Exporter()
    asked = data.draw(BLANKS) + symbol + data.draw(BLANKS)
    told = data.draw(st.sampled_from([symbol, symbol.lower(), symbol.upper(), f" {symbol} "]))
    exporter.deliver(
        Message(
            b"STOCKPRICEUPDATE", data.draw(wrapped({"device": data.draw(spelled(A)), "symbol": asked})), 1
        ),
        Message(data.draw(spelled(A)).encode(), data.draw(wrapped({"symbol": told})), 1 + latency_ns),
    )
    shown = f'device_id="{A}",symbol="{symbol}"'.replace('say "X"', r"say \"X\"")
    assert exporter.figures("tickrmeter_stock_update_responses_total") == {shown: 1}
    assert exporter.fleet.pending == 0
    assert set(exporter.fleet.devices) == {A}
    assert exporter.errors() == {}


@given(st.data(), st.integers(0, 16**12 - 1))
def test_any_mix_of_case_and_separators_of_one_id_is_one_device(data: st.DataObject, number: int) -> None:
    device_id = f"{number:012X}"
    assert canonical_mac(data.draw(spelled(device_id))) == device_id


@given(st.text())
def test_the_spelling_of_a_symbol_is_settled_at_once(text: str) -> None:
    symbol = canonical_symbol(text)
    if symbol is not None:
        assert canonical_symbol(symbol) == symbol
        assert canonical_symbol(f" {symbol}\0") == symbol
