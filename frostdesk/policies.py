"""What a desk wants of the loop: its error budget, who approves, trials on live traffic, what erasures open."""

from typing import Annotated

import typer

from frostdesk.client import BAD_INPUT, Client, fail
from frostdesk.options import Desk, console, share_of
from frostdesk.trials import Conversations, ShadowTurns, Share, plan

policies = typer.Typer()


@policies.command("budget")
def set_budget(
    share: Annotated[
        str | None, typer.Argument(help="The largest share of wrong answers, such as 5%; or off.", show_default=False)
    ] = None,
    desk: Desk = None,
) -> None:
    """Set (or without a share, show) how many of the bot's own answers may be wrong.

    What it costs: frostdesk versions faq. Undo: frostdesk desk budget off.

    Example: frostdesk desk budget 5%
    """
    client = Client(desk)
    if share is None:
        budget = client.get("/v1/admin/desk")["policy"].get("error_budget")
    else:
        wanted = None if share == "off" else share_of(share)
        changed = client.call("PATCH", "/v1/admin/desk", json={"error_budget": wanted})
        budget = changed["policy"].get("error_budget")
    said = "No error budget is set" if budget is None else f"At most {budget:.1%} of the bot's answers may be wrong"
    console.print(f"{said}; 'frostdesk versions faq' shows what each version answers within one.")


@policies.command("approval")
def set_approval(
    word: Annotated[str | None, typer.Argument(help="on or off.", show_default=False)] = None, desk: Desk = None
) -> None:
    """Let (or without a word, show whether) a human says yes before a retrained version goes live.

    Example: frostdesk desk approval on
    """
    wanted = _switch("approve", word, desk)
    console.print("A human must say yes." if wanted else "What the gate passes goes live by itself.")


@policies.command("retrain-erased")
def set_retrain_erased(
    word: Annotated[str | None, typer.Argument(help="on or off.", show_default=False)] = None, desk: Desk = None
) -> None:
    """Let (or without a word, show whether) an erasure open retrainings of the skills that learnt from the customer.

    Example: frostdesk desk retrain-erased on
    """
    wanted = _switch("retrain_erased", word, desk)
    console.print("An erasure opens what is due." if wanted else "An erasure names what is due and opens nothing.")


@policies.command("trial")
def set_trial(
    word: Annotated[str | None, typer.Argument(help="on or off.", show_default=False)] = None,
    shadow_turns: ShadowTurns = 100,
    conversations: Conversations = 50,
    share: Share = "25%",
    desk: Desk = None,
) -> None:
    """Let (or without a word, show whether) a retrained version be tried on live traffic before it goes live.

    Example: frostdesk desk trial on --shadow-turns 200 --share 10%
    """
    client = Client(desk)
    wanted = plan(shadow_turns, conversations, share) if _switched_on(word) else None
    shown = (
        client.get("/v1/admin/desk") if word is None else client.call("PATCH", "/v1/admin/desk", json={"trial": wanted})
    )
    found = shown["policy"].get("trial")
    if not found:
        console.print("What the gate passes is not tried on live traffic first.")
        return
    console.print(
        f"What the gate passes reads {found['shadow_turns']} messages unseen, then answers {found['share']:.0%} of the "
        f"conversations until it has had {found['canary_conversations']}."
    )


def _switch(name: str, word: str | None, desk: str | None) -> bool:
    """Set a yes or no of the desk's policy, or without a word read it."""
    client, on = Client(desk), _switched_on(word)
    shown = client.get("/v1/admin/desk") if word is None else client.call("PATCH", "/v1/admin/desk", json={name: on})
    return bool(shown["policy"].get(name, False))


def _switched_on(word: str | None) -> bool:
    if word not in (None, "on", "off"):
        fail(f"'{word}' is neither on nor off.", BAD_INPUT)
    return word == "on"
