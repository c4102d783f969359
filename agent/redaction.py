"""Personal data out of texts that become training material: what is found is replaced by its kind in brackets.

Only what has a form can be found: addresses, numbers and tokens. Names of people are left in.
"""

import ipaddress
import re

from phonenumbers import Leniency, PhoneNumberMatcher

REGIONS = ("GB", "US", "DE", "FR", "ES", "IN")
"""Whose national ways of writing a number are known; a number with its country code is found everywhere."""
FEWEST_DIGITS = 7
_EMAIL = re.compile(r"[\w.+%'-]+@(?:[\w-]+\.)+[^\W\d_]{2,}", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![\w:])", re.IGNORECASE
)
_OTHER_NUMBER = re.compile(
    r"\b(?:order|ticket|case|invoice|tracking|reference|ref|booking|parcel)(?: (?:number|no|nr|id))?\W*$", re.IGNORECASE
)
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|fd|ghp|gho|xox[abp]|whsec|AKIA|AIza|glpat|npm)[_-]?[\w-]{16,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|\b(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{24,}\b"
    r"|\b[0-9a-f]{32,}\b"
)
_SPOKEN_SECRET = re.compile(
    r"(?i)\b(password|passcode|pin code|pin|cvv|cvc|otp)(\s+(?:is|was)\s+|\s*[:=]\s*)(\S*\d\S*)"
)


def redact(text: str) -> str:
    """Return a text in which every e-mail and IP address, phone, card and account number and token is named, not told.

    Cards must pass Luhn's test (ISO/IEC 7812-1, annex B) and account numbers mod 97 (ISO 13616), so that order
    numbers stay.
    """
    text = _SECRET.sub("[token]", text)
    text = _EMAIL.sub("[email]", text)
    text = _SPOKEN_SECRET.sub(r"\1\2[secret]", text)
    if sum(character.isdigit() for character in text) < FEWEST_DIGITS and "::" not in text:
        return text
    text = _ADDRESS.sub(_address, text)
    text = _IBAN.sub(_iban, text)
    text = _CARD.sub(_card, text)
    return _without_phones(text)


def _address(found: re.Match[str]) -> str:
    groups = [group for group in re.split("[.:]", found[0]) if group]
    try:
        ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return "[ip]" if len(groups) > 1 and any(group[0].isdigit() for group in groups) else found[0]


def _iban(found: re.Match[str]) -> str:
    """Replace the longest account number that a run of letters and digits begins with."""
    run = found[0]
    for end in range(len(run), 14, -1):
        packed = re.sub(r"[ -]", "", run[:end]).upper()
        whole = end == len(run) or not run[end].isalnum()
        if whole and 15 <= len(packed) <= 34 and _remainder(packed) == 1:
            return "[iban]" + run[end:]
    return run


def _remainder(packed: str) -> int:
    return int("".join(str(int(character, 36)) for character in packed[4:] + packed[:4])) % 97


def _card(found: re.Match[str]) -> str:
    digits = [int(character) for character in reversed(found[0]) if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    right = len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0
    return "[card]" if right else found[0]


def _without_phones(text: str) -> str:
    for start, end in sorted(_phones(text), reverse=True):
        text = f"{text[:start]}[phone]{text[end:]}"
    return text


def _phones(text: str) -> set[tuple[int, int]]:
    """Return where phone numbers stand, as (start, end); of those that overlap the first found."""
    found: set[tuple[int, int]] = set()
    for region in REGIONS:
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
            new = not any(match.start < end and start < match.end for start, end in found)
            digits = sum(character.isdigit() for character in match.raw_string)
            if new and digits >= FEWEST_DIGITS and not _OTHER_NUMBER.search(text[: match.start]):
                found.add((match.start, match.end))
    return found
