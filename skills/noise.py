"""Slips of the hand: how a text may look when a customer types it in a hurry.

A step of tuning reads some texts with slips, so that a prompt learns what survives them.
"""

import random

TYPED = "abcdefghijklmnopqrstuvwxyz"
SHORTEST = 4
"""Letters below which a word is left as it is: slips in short words make other words."""
SLIPS = 0.25
"""Chance that a word of a text with slips has one."""
OPENINGS = ("hi", "hello", "hi there", "hey", "good morning", "hello there, hope you are well", "please help")
CLOSINGS = ("thanks", "thank you", "please", "thanks a lot", "please help", "can you help", "cheers")


def mistype(text: str, chooser: random.Random) -> str:
    """Return the text with a letter lost, doubled, swapped or hit wrongly in about one long word of four."""
    return " ".join(
        _slip(word, chooser) if len(word) >= SHORTEST and chooser.random() < SLIPS else word for word in text.split()
    )


def address(text: str, chooser: random.Random) -> str:
    """Return the text with a greeting before it or a courtesy behind it, as people talk to people."""
    if chooser.random() < 0.5:
        return f"{chooser.choice(OPENINGS)}{chooser.choice((', ', '. ', '! ', ' '))}{text}"
    return f"{text} {chooser.choice(CLOSINGS)}"


def _slip(word: str, chooser: random.Random) -> str:
    place = chooser.randrange(1, len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    kind = chooser.randrange(4)
    if kind == 0:
        return before + after
    if kind == 1:
        return before + letter + letter + after
    if kind == 2:
        return before + after[0] + letter + after[1:]
    return before + chooser.choice(TYPED) + after
