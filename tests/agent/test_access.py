"""Keys, visitors' tokens, repeatable calls, limits."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import select

from agent.database import Database
from agent.errors import BadInput, NotFound, NotSignedIn, TooMany
from agent.idempotency import once
from agent.keys import check_key, make_key, revoke_key
from agent.limits import Limits
from agent.tables import IdempotentCall, Key, utc_now
from agent.tokens import ALGORITHM, AUDIENCE, issue, read, signing_secret

SECRET = b"s" * 32


class TestKeys:
    """Made once, shown once, kept as a hash."""

    def test_a_key_opens_until_it_is_revoked(self, database: Database) -> None:
        with database.writing() as session:
            row, key = make_key(session, "ana", None)
            assert check_key(session, key).name == "ana"
            revoke_key(session, row.id, None)
            with pytest.raises(NotSignedIn):
                check_key(session, key)
            with pytest.raises(NotFound):
                revoke_key(session, row.id, None)

    def test_the_secret_is_nowhere_in_the_database(self, database: Database) -> None:
        with database.writing() as session:
            _, key = make_key(session, "ana", None)
        secret = key.partition(".")[2]
        with database.reading() as session:
            row = session.scalars(select(Key)).one()
            assert all(secret not in str(getattr(row, column)) for column in Key.__table__.columns.keys())

    @pytest.mark.parametrize("presented", ["", "fd_", "fd_x.y", "nonsense", "fd_ .", "fd_" + "x" * 10_000])
    def test_nothing_else_opens(self, database: Database, presented: str) -> None:
        with database.writing() as session:
            _, key = make_key(session, "ana", None)
            prefix = key.partition(".")[0]
            for attempt in (presented, f"{prefix}.", f"{prefix}.wrong"):
                with pytest.raises(NotSignedIn):
                    check_key(session, attempt)


class TestTokens:
    """Short-lived, for one visitor of one desk."""

    def test_it_speaks_for_its_visitor(self) -> None:
        token, visitor = issue(SECRET, "desk_1", 5)
        assert read(SECRET, token) == visitor
        assert visitor.desk_id == "desk_1"

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": utc_now() - timedelta(minutes=1)},
            {"aud": "somebody else"},
            {"exp": None},
            {"desk": None},
            {"sub": None},
        ],
    )
    def test_anything_off_is_refused(self, claims: dict[str, object]) -> None:
        good = {"aud": AUDIENCE, "sub": "v", "desk": "d", "exp": utc_now() + timedelta(minutes=1)}
        bad = {name: value for name, value in {**good, **claims}.items() if value is not None}
        with pytest.raises(NotSignedIn):
            read(SECRET, jwt.encode(bad, SECRET, algorithm=ALGORITHM))

    def test_a_forged_signature_or_algorithm_is_refused(self) -> None:
        claims = {"aud": AUDIENCE, "sub": "v", "desk": "d", "exp": utc_now() + timedelta(minutes=1)}
        for token in (
            jwt.encode(claims, secrets.token_bytes(32), algorithm=ALGORITHM),
            jwt.encode(claims, None, algorithm="none"),
            "not.a.token",
        ):
            with pytest.raises(NotSignedIn):
                read(SECRET, token)

    def test_an_installation_has_one_secret(self, database: Database) -> None:
        with database.writing() as session:
            first = signing_secret(session)
        with database.writing() as session:
            assert signing_secret(session) == first
        assert len(first) == 32


class TestOnce:
    """The same Idempotency-Key gets the same answer."""

    def call(self, database: Database, key: str | None, request: dict[str, object], made: list[int]) -> object:
        def act() -> dict[str, object]:
            made.append(len(made))
            return {"number": made[-1]}

        with database.writing() as session:
            return once(session, "caller", key, request, act)

    def test_a_repetition_does_nothing_twice(self, database: Database) -> None:
        made: list[int] = []
        assert self.call(database, "k", {"a": 1}, made) == self.call(database, "k", {"a": 1}, made)
        assert made == [0]
        self.call(database, None, {"a": 1}, made)
        assert made == [0, 1]

    def test_repetitions_at_once_wait_for_the_first(self, database: Database) -> None:
        with database.writing() as session:
            caller = make_key(session, "ana", None)[0].id
        made: list[int] = []

        def act() -> dict[str, object]:
            made.append(len(made))
            return {"number": made[-1]}

        def call(_: int) -> object:
            with database.writing() as session:
                return once(session, caller, "k", {"a": 1}, act)

        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(call, range(20)))
        assert answers == [{"number": 0}] * 20
        assert made == [0]

    def test_the_same_key_for_another_request_is_refused(self, database: Database) -> None:
        self.call(database, "k", {"a": 1}, [])
        with pytest.raises(BadInput, match="another request"):
            self.call(database, "k", {"a": 2}, [])
        with pytest.raises(BadInput, match="1 to 200"):
            self.call(database, "k" * 201, {"a": 1}, [])

    def test_a_key_is_forgotten_after_a_day(self, database: Database) -> None:
        made: list[int] = []
        self.call(database, "k", {"a": 1}, made)
        with database.writing() as session:
            session.scalars(select(IdempotentCall)).one().created_at = utc_now() - timedelta(days=2)
        self.call(database, "k", {"a": 2}, made)
        assert made == [0, 1]


class TestLimits:
    """So many a minute, counted together."""

    def test_beyond_the_limit_comes_when_to_try_again(self, queue_url: str) -> None:
        limits, other = Limits(queue_url), Limits(queue_url)
        who = secrets.token_hex(4)
        for process in (limits, other, limits):
            process.spend("visitor", who, 3)
        with pytest.raises(TooMany) as refused:
            other.spend("visitor", who, 3)
        assert 1 <= refused.value.retry_after <= 60
        other.spend("visitor", "somebody else" + who, 3)

    def test_it_still_counts_while_the_queue_server_is_away(self) -> None:
        limits = Limits("redis://127.0.0.1:1/0")
        limits.spend("visitor", "v", 1)
        with pytest.raises(TooMany):
            limits.spend("visitor", "v", 1)
