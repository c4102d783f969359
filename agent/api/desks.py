"""Desks, their table of intents, articles, imports and keys."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from sqlalchemy import delete, func, select

from agent.api.deps import AdminDeskDep, CallerDep, DeskName, InstallationDep, ServiceDep
from agent.api.schemas.base import Name
from agent.api.schemas.desk import (
    ArticleRequest,
    ArticleView,
    DeskChange,
    DeskRequest,
    DeskView,
    IdentitySecret,
    ImportAnswer,
    IntentRequest,
    IntentView,
    KeyRequest,
    KeyView,
    NewKey,
)
from agent.corrections import find_skill
from agent.desks import TEXTS, add_intent, find_desk, make_desk, touch_desk
from agent.errors import BadInput, NotAllowed, NotFound
from agent.identities import new_identity_secret
from agent.imports import import_articles, import_examples
from agent.keys import make_key, revoke_key
from agent.tables import Article, Desk, Intent, Key

router = APIRouter(prefix="/v1/admin", tags=["desk"])
IMPORT_BYTES = 20 * 1024 * 1024
NamePath = Annotated[Name, Path()]


@router.get("/desks")
def list_desks(service: ServiceDep, caller: CallerDep) -> list[DeskView]:
    """List the desks this key opens."""
    statement = select(Desk).order_by(Desk.slug)
    if caller.desk_id is not None:
        statement = statement.where(Desk.id == caller.desk_id)
    with service.office.database.reading() as session:
        return [_desk(row) for row in session.scalars(statement)]


@router.post("/desks", status_code=201)
def create_desk(body: DeskRequest, service: ServiceDep, _caller: InstallationDep) -> DeskView:
    """Create a desk with the four standard skills."""
    with service.office.database.writing() as session:
        return _desk(make_desk(session, body.slug, body.name, body.allowed_origins))


@router.get("/desk")
def read_desk(service: ServiceDep, desk: AdminDeskDep) -> DeskView:
    """Read a desk: its words, rules and error budget."""
    with service.office.database.reading() as session:
        return _desk(session.get_one(Desk, desk.id))


@router.patch("/desk")
def change_desk(body: DeskChange, service: ServiceDep, desk: AdminDeskDep) -> DeskView:
    """Change name, allowed origins, words, own rules, error budget, how versions go live, what erasures open."""
    unknown = sorted(set(body.texts or ()) - set(TEXTS))
    if unknown:
        raise BadInput(f"A desk says nothing called '{unknown[0]}'; its texts are {', '.join(TEXTS)}.")
    with service.office.database.writing() as session:
        row = session.get_one(Desk, desk.id)
        if body.name is not None:
            row.name = body.name
        if body.allowed_origins is not None:
            row.allowed_origins = body.allowed_origins
        if body.texts is not None:
            row.texts = {**row.texts, **body.texts}
        if body.rules is not None:
            row.policy = {**row.policy, "rules": [rule.model_dump() for rule in body.rules]}
        for switch in ("approve", "retrain_erased"):
            if (on := getattr(body, switch)) is not None:
                row.policy = {**row.policy, switch: on}
        wanted = {**row.policy, **body.model_dump(include={"error_budget", "trial"}, exclude_unset=True)}
        row.policy = {name: value for name, value in wanted.items() if value is not None}
        touch_desk(session, desk.id)
        session.flush()
        session.refresh(row)
        shown = _desk(row)
    service.office.jobs.tell("desk", desk.id)
    return shown


@router.post("/desk/identity-secret", status_code=201)
def make_identity_secret(service: ServiceDep, desk: AdminDeskDep) -> IdentitySecret:
    """Give the desk's site a secret to sign with who its customers are; the one before is not taken any more.

    It is shown this once.
    """
    made = new_identity_secret()
    with service.office.database.writing() as session:
        session.get_one(Desk, desk.id).identity_secret = made
    return IdentitySecret(secret=made)


@router.delete("/desk/identity-secret", status_code=204)
def remove_identity_secret(service: ServiceDep, desk: AdminDeskDep) -> None:
    """Take no identity from the desk's site any more: every visitor is anonymous."""
    with service.office.database.writing() as session:
        session.get_one(Desk, desk.id).identity_secret = None


@router.get("/intents")
def list_intents(service: ServiceDep, desk: AdminDeskDep) -> list[IntentView]:
    """List the desk's table: each intent and what is done about it."""
    statement = select(Intent).where(Intent.desk_id == desk.id).order_by(Intent.position, Intent.name)
    with service.office.database.reading() as session:
        return [_intent(row) for row in session.scalars(statement)]


@router.put("/intents/{name}")
def put_intent(name: NamePath, body: IntentRequest, service: ServiceDep, desk: AdminDeskDep) -> IntentView:
    """Create or change an intent. A new one is learnt by the next retraining of the router."""
    with service.office.database.writing() as session:
        shown = _intent(add_intent(session, desk.id, name, body.model_dump()))
    service.office.jobs.tell("desk", desk.id)
    return shown


@router.delete("/intents/{name}", status_code=204)
def remove_intent(name: NamePath, service: ServiceDep, desk: AdminDeskDep) -> None:
    """Remove an intent; messages routed to it become out of scope until the router is retrained."""
    with service.office.database.writing() as session:
        removed = session.execute(delete(Intent).where(Intent.desk_id == desk.id, Intent.name == name))
        if removed.rowcount == 0:  # type: ignore[attr-defined]
            raise NotFound(f"This desk has no intent called '{name}'.")
        touch_desk(session, desk.id)
    service.office.jobs.tell("desk", desk.id)


@router.get("/articles")
def list_articles(service: ServiceDep, desk: AdminDeskDep) -> list[ArticleView]:
    """List the desk's articles."""
    statement = select(Article).where(Article.desk_id == desk.id).order_by(Article.position, Article.slug)
    with service.office.database.reading() as session:
        return [_article(row) for row in session.scalars(statement)]


@router.put("/articles/{slug}")
def put_article(slug: NamePath, body: ArticleRequest, service: ServiceDep, desk: AdminDeskDep) -> ArticleView:
    """Create or change an article. It is found at once; no retraining is needed."""
    with service.office.database.writing() as session:
        row = session.scalar(select(Article).where(Article.desk_id == desk.id, Article.slug == slug))
        if row is None:
            count = session.scalar(select(func.count()).select_from(Article).where(Article.desk_id == desk.id))
            row = Article(desk_id=desk.id, slug=slug, position=count or 0)
            session.add(row)
        for field, value in body.model_dump().items():
            setattr(row, field, value)
        touch_desk(session, desk.id)
        session.flush()
        shown = _article(row)
    service.office.jobs.tell("desk", desk.id)
    return shown


@router.delete("/articles/{slug}", status_code=204)
def remove_article(slug: NamePath, service: ServiceDep, desk: AdminDeskDep) -> None:
    """Remove an article; it is not found any more at once."""
    with service.office.database.writing() as session:
        removed = session.execute(delete(Article).where(Article.desk_id == desk.id, Article.slug == slug))
        if removed.rowcount == 0:  # type: ignore[attr-defined]
            raise NotFound(f"This desk has no article called '{slug}'.")
        touch_desk(session, desk.id)
    service.office.jobs.tell("desk", desk.id)


@router.post(
    "/import/examples", max_body_size=IMPORT_BYTES, openapi_extra={"requestBody": {"content": {"text/csv": {}}}}
)
def import_example_file(
    content: Annotated[bytes, Body(media_type="application/octet-stream", max_length=IMPORT_BYTES)],
    service: ServiceDep,
    desk: AdminDeskDep,
    skill: Annotated[str, Query(description="The skill the examples are for")],
    form: Annotated[Literal["csv", "jsonl"], Query()],
    role: Annotated[Literal["train", "calibration", "gate", "golden"] | None, Query()] = None,
    representative: Annotated[bool, Query(description="Nobody picked these rows: they may calibrate and gate")] = False,
) -> ImportAnswer:
    """Import judged texts. A file with a bad row is refused whole, with the row's number."""
    with service.office.database.writing() as session:
        found = find_skill(session, desk.id, skill)
        by_role = import_examples(session, found, content, form, role, representative)
    return ImportAnswer(added=sum(by_role.values()), by_role=by_role)


@router.post("/import/articles", max_body_size=IMPORT_BYTES)
def import_article_file(
    content: Annotated[bytes, Body(media_type="application/octet-stream", max_length=IMPORT_BYTES)],
    service: ServiceDep,
    desk: AdminDeskDep,
    form: Annotated[Literal["csv", "jsonl"], Query()],
) -> ImportAnswer:
    """Import articles (an article of the same slug is replaced). Refused whole on a bad row."""
    with service.office.database.writing() as session:
        added = import_articles(session, desk.id, content, form)
    service.office.jobs.tell("desk", desk.id)
    return ImportAnswer(added=added)


@router.get("/keys")
def list_keys(service: ServiceDep, caller: CallerDep) -> list[KeyView]:
    """List keys, without their secrets."""
    statement = select(Key).order_by(Key.created_at)
    if caller.desk_id is not None:
        statement = statement.where(Key.desk_id == caller.desk_id)
    with service.office.database.reading() as session:
        return [KeyView(**_key(row)) for row in session.scalars(statement)]


@router.post("/keys", status_code=201)
def create_key(body: KeyRequest, service: ServiceDep, caller: CallerDep, desk: DeskName = None) -> NewKey:
    """Make a key for one desk, or with `installation` for all of them. It is shown this once."""
    if body.installation and caller.desk_id is not None:
        raise NotAllowed("A desk's key cannot make a key for the whole installation.")
    with service.office.database.writing() as session:
        desk_id = None if body.installation else find_desk(session, desk, caller.desk_id).id
        row, key = make_key(session, body.name, desk_id)
        return NewKey(**_key(row), key=key)


@router.delete("/keys/{key_id}", status_code=204)
def end_key(key_id: str, service: ServiceDep, caller: CallerDep) -> None:
    """Revoke a key at once."""
    with service.office.database.writing() as session:
        revoke_key(session, key_id, caller.desk_id)


def _desk(row: Desk) -> DeskView:
    return DeskView.model_validate(row, from_attributes=True)


def _intent(row: Intent) -> IntentView:
    return IntentView.model_validate(row, from_attributes=True)


def _article(row: Article) -> ArticleView:
    return ArticleView.model_validate(row, from_attributes=True)


def _key(row: Key) -> dict[str, Any]:
    return {field: getattr(row, field) for field in KeyView.model_fields}
