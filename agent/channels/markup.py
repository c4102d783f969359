"""Messages that helpdesks write in HTML: their words alone, and ours in HTML."""

import html
import re
from html.parser import HTMLParser

LONGEST_TEXT = 20_000
HIDDEN = frozenset({"head", "script", "style", "title"})
BREAKING = frozenset({"blockquote", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "p", "table", "tr"})


def plain_text(markup: str) -> str:
    """Return the words of HTML, line by line, without what PostgreSQL cannot store."""
    reader = _Words()
    reader.feed(markup.replace("\0", ""))
    reader.close()
    lines = (line.strip() for line in "".join(reader.words).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:LONGEST_TEXT]


def with_subject(subject: str | None, text: str) -> str:
    """Return a plain text below its subject, if it has one, without what PostgreSQL cannot store."""
    parts = (part.replace("\0", "").strip() for part in (subject or "", text))
    return "\n\n".join(part for part in parts if part)[:LONGEST_TEXT]


def as_html(text: str) -> str:
    """Return plain text as HTML that shows the same."""
    return html.escape(text, quote=False).replace("\n", "<br>")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the base's
        self._hidden += tag in HIDDEN
        if tag == "br" or tag in BREAKING:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in HIDDEN))
        if tag in BREAKING:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(re.sub(r"\s+", " ", data))
