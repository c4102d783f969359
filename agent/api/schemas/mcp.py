"""What the tools for MCP clients take."""

from pydantic import Field

from agent.api.schemas.base import Request, Text


class SearchArticles(Request):
    """Find the desk's articles that come nearest to a question, the nearest first."""

    query: Text = Field(description="The question in the customer's words")


class Classify(Request):
    """Say what a customer's message is about: one of the desk's intents, or none (out of scope)."""

    text: Text


class DraftReply(Request):
    """Say what the desk would answer to a customer's first message; nothing is stored or sent."""

    message: Text


class Escalate(Request):
    """Hand a customer's conversation to a human of the desk."""

    conversation: str = Field(min_length=1, max_length=256, description="Your own name for the conversation")
    message: Text = Field(description="What the customer wants, in their words")
    message_id: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="Your own name for the message, another for each; calling again with the same counts once",
    )
