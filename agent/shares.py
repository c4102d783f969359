"""Stable random shares: the same key always falls on the same side."""

from hashlib import sha256


def in_share(key: str, share: float) -> bool:
    """Return whether a key belongs to a share (0 to 1) of all keys, by its digest."""
    return int.from_bytes(sha256(key.encode()).digest()[:4]) < share * 2**32


def canary_answers(trial_id: str, conversation_id: str, share: float) -> bool:
    """Return whether a trial's candidate answers a conversation: the same for as long as the trial lasts."""
    return in_share(f"{trial_id} {conversation_id}", share)
