"""Expected failures that no command catches itself, each as one sentence and an exit code."""

from frostdesk.client import BAD_INPUT, UNREACHABLE


def explain(error: Exception) -> tuple[str, int] | None:
    """Return what to say and the exit code, or None for a failure nobody expected (a bug of ours)."""
    # Imported here: a command that goes well needs none of these.
    from pydantic import ValidationError  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from agent.errors import AgentError  # noqa: PLC0415
    from skills.errors import SkillsError  # noqa: PLC0415

    if isinstance(error, ValidationError) and error.title == "Settings":
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        setting = name if name.endswith("_URL") and name != "PUBLIC_URL" else f"FROSTDESK_{name}"
        return f"The setting {setting} cannot be used: {first['msg']}.", BAD_INPUT
    if isinstance(error, AgentError):
        return error.sentence, BAD_INPUT
    if isinstance(error, SQLAlchemyError):
        kind = type(error).__name__
        return f"The database cannot be used ({kind}). Check DATABASE_URL, then run 'frostdesk migrate'.", UNREACHABLE
    if isinstance(error, UnicodeEncodeError):
        return "What was given has characters that cannot be sent.", BAD_INPUT
    if isinstance(error, (SkillsError, OSError)):
        return str(error), BAD_INPUT
    return None
