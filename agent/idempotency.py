"""Calls that may be repeated: the same Idempotency-Key gets the same answer for a day."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from agent.errors import BadInput
from agent.tables import IdempotentCall, Key, utc_now

LIFE = timedelta(days=1)
LONGEST_KEY = 200


def once(
    session: Session,
    caller: str,
    key: str | None,
    request: Mapping[str, Any],
    act: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Run `act` unless this caller's key was used before; return its answer either way.

    Both happen in the caller's writing session, so an act that fails keeps no key. Raises BadInput if the
    key comes with another request.
    """
    if key is None:
        return act()
    if not 0 < len(key) <= LONGEST_KEY:
        raise BadInput(f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
    session.execute(select(Key.id).where(Key.id == caller).with_for_update())  # sent twice at once, the second waits
    session.execute(delete(IdempotentCall).where(IdempotentCall.created_at < utc_now() - LIFE))
    digest = sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    known = session.scalar(select(IdempotentCall).where(IdempotentCall.caller == caller, IdempotentCall.key == key))
    if known is not None:
        if known.request_hash != digest:
            raise BadInput("This Idempotency-Key was used for another request.")
        return known.answer
    answer = act()
    session.add(IdempotentCall(caller=caller, key=key, request_hash=digest, status=202, answer=answer))
    session.flush()
    return answer
