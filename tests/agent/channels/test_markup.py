"""HTML as a helpdesk writes it becomes a customer's words, and ours become HTML."""

import pytest

from agent.channels.markup import LONGEST_TEXT, as_html, plain_text


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("<p>Where is\n my card?</p>", "Where is my card?"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<ul><li>a</li><li>b</li></ul>", "a\n\nb"),
        ("Tom &amp; Gr&uuml;&szlig;e &lt;3", "Tom & Grüße <3"),
        ("<style>p {color: red}</style><script>alert('x')</script>hi", "hi"),
        ("a < b and no tag", "a < b and no tag"),
        ("nul\0l", "null"),
        ("<div><div><div>deep</div></div></div><img src=x>", "deep"),
        ("<p> </p>", ""),
        ("", ""),
    ],
)
def test_the_words_of_markup(markup: str, words: str) -> None:
    assert plain_text(markup) == words


def test_what_is_too_long_is_cut() -> None:
    assert len(plain_text("x" * (LONGEST_TEXT + 9))) == LONGEST_TEXT


@pytest.mark.parametrize("text", ["a <b>bold</b> & b\n- list", "Grüße", "<script>alert(1)</script>"])
def test_our_words_are_shown_as_they_are(text: str) -> None:
    assert "<b>" not in as_html(text)
    assert "<script>" not in as_html(text)
    assert plain_text(as_html(text)) == text
