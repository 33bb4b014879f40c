"""Which notices go out."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.notify.notice import Notice, NoticeKind, NoticeSeverity
from otel_tickrmeter.notify.policy import MINUTE_NS, MOST_REMEMBERED, Policy

AT = datetime(2026, 1, 28, tzinfo=UTC)
NS = 1_000_000_000


def notice(
    device: str = "A",
    kind: NoticeKind = NoticeKind.OFFLINE,
    relay: int | None = None,
    *,
    critical: bool = False,
) -> Notice:
    severity = NoticeSeverity.CRITICAL if critical else NoticeSeverity.WARNING
    return Notice(kind, severity, f"{device} {kind}", AT, device, relay)


def test_the_same_goes_out_once_in_the_interval() -> None:
    policy = Policy(300 * NS, 20)
    assert not policy.repeats(notice(), 0)
    assert policy.repeats(notice(), 299 * NS)
    assert not policy.repeats(notice(), 300 * NS)
    assert policy.repeats(notice(), 599 * NS)


def test_other_bounds_count_what_was_told_before() -> None:
    policy = Policy(300 * NS, 3)
    assert not policy.repeats(notice(), 0)
    assert [policy.floods(notice(), 0) for _ in range(3)] == [False] * 3
    policy.use(100 * NS, 2)
    assert policy.repeats(notice(), 99 * NS)
    assert not policy.repeats(notice(), 100 * NS)
    assert policy.floods(notice(), 1)
    policy.use(100 * NS, 4)
    assert policy.digest(MINUTE_NS + 1, AT) is not None
    assert not policy.floods(notice(), MINUTE_NS + 2)


def test_another_device_kind_or_relay_is_not_the_same() -> None:
    policy = Policy(300 * NS, 20)
    different = [notice(), notice("B"), notice(kind=NoticeKind.ONLINE), notice(relay=0), notice(relay=1)]
    assert [policy.repeats(each, 0) for each in different] == [False] * 5


def test_what_is_remembered_is_bounded_and_the_oldest_forgotten() -> None:
    policy = Policy(10**18, 20)
    for number in range(MOST_REMEMBERED + 1):
        assert not policy.repeats(notice(f"D{number}"), number)
    assert policy.repeats(notice("D1"), MOST_REMEMBERED + 2)
    assert not policy.repeats(notice("D0"), MOST_REMEMBERED + 3)


def test_beyond_the_bound_there_is_a_digest_at_the_end_of_the_minute() -> None:
    policy = Policy(0, 2)
    assert [policy.floods(notice(f"D{number}"), number) for number in range(4)] == [False, False, True, True]
    assert policy.floods(notice("X", NoticeKind.RELAY, critical=True), 5)
    assert policy.digest(MINUTE_NS + 1, AT) is None
    digest = policy.digest(MINUTE_NS + 2, AT)
    assert digest == Notice(
        NoticeKind.DIGEST, NoticeSeverity.CRITICAL, "3 further notices: 2 offline, 1 relay.", AT
    )
    assert policy.digest(2 * MINUTE_NS, AT) is None
    # The digest is one of those that went out.
    assert [policy.floods(notice(), MINUTE_NS + 3) for _ in range(2)] == [False, True]


def test_a_minute_may_begin_at_any_time() -> None:
    policy = Policy(0, 1)
    assert not policy.floods(notice(), 10 * MINUTE_NS)
    assert not policy.floods(notice(), 11 * MINUTE_NS)
    assert policy.floods(notice(), 12 * MINUTE_NS - 1)
    assert policy.floods(notice(), 12 * MINUTE_NS)
    assert policy.digest(13 * MINUTE_NS - 1, AT) is not None


def test_at_the_end_those_that_were_only_counted_are_told_of_at_once() -> None:
    policy = Policy(0, 1)
    assert policy.rest(AT) is None
    assert [policy.floods(notice(), 0) for _ in range(3)] == [False, True, True]
    rest = policy.rest(AT)
    assert rest is not None
    assert rest.text == "2 further notices: 2 offline."
    assert policy.rest(AT) is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.sampled_from("ABC"), st.sampled_from(list(NoticeKind)), st.booleans()
        )
    )
)
def test_never_more_than_the_bound_in_a_minute_and_each_is_told_counted_or_the_same(
    steps: list[tuple[int, str, NoticeKind, bool]],
) -> None:
    policy = Policy(30 * NS, 3)
    now, sent, digested, told = 0, [], 0, Counter[str]()
    for wait, device, kind, critical in steps:
        now += wait * NS
        digest = policy.digest(now, AT)
        if digest is not None:
            digested -= int(digest.text.split()[0])
            assert digested == 0
            sent.append(now)
        each = notice(device, kind, critical=critical)
        if policy.repeats(each, now):
            told["same"] += 1
        elif policy.floods(each, now):
            digested += 1
        else:
            sent.append(now)
    for moment in sent:
        within = [other for other in sent if moment <= other < moment + MINUTE_NS]
        assert len(within) <= 3
    final = policy.digest(now + MINUTE_NS, AT)
    assert (final is None) == (digested == 0)
