"""Who is calling, and for which desk: what the routes ask for in their signatures."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import update

from agent.api.origins import is_own
from agent.desks import find_desk
from agent.errors import NotAllowed, NotSignedIn
from agent.keys import Caller, check_key
from agent.limits import Limits
from agent.office import Office
from agent.settings import Settings
from agent.streams import Streams
from agent.tables import Desk, Key, utc_now
from agent.tokens import read
from skills.meanings import Meanings

bearer = HTTPBearer(auto_error=False, description="An admin key `fd_...`, or a visitor's token on the chat routes")
KEY_USE_SECONDS = 60
Limit = Annotated[int, Query(ge=1, le=500, description="How many rows at most")]
DeskName = Annotated[str | None, Query(description="The desk's slug; needed only with several desks")]


@dataclass(frozen=True, slots=True)
class Service:
    """What one API process works with; `app.state.service`."""

    settings: Settings
    office: Office
    streams: Streams
    limits: Limits
    secret: bytes
    meanings: Meanings


@dataclass(frozen=True, slots=True)
class AdminDesk:
    """A desk, opened with a key."""

    id: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who chats: a visitor with a token, or a server or an admin with a key (no visitor id)."""

    desk_id: str
    visitor_id: str | None
    key_id: str | None = None


async def service(request: Request) -> Service:  # a plain function would wait for a thread
    """Return the process's service."""
    found: Service = request.app.state.service
    return found


ServiceDep = Annotated[Service, Depends(service)]
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def admin_caller(service: ServiceDep, credentials: Credentials) -> Caller:
    """Return whose admin key was sent. Raises NotSignedIn."""
    if credentials is None:
        raise NotSignedIn("An admin key is needed: 'Authorization: Bearer fd_...'.")
    with service.office.database.reading() as session:
        caller = check_key(session, credentials.credentials)
        used = session.get_one(Key, caller.key_id).used_at
    if used is None or (utc_now() - used).total_seconds() > KEY_USE_SECONDS:
        with service.office.database.writing() as session:
            session.execute(update(Key).where(Key.id == caller.key_id).values(used_at=utc_now()))
    return caller


CallerDep = Annotated[Caller, Depends(admin_caller)]


def installation_caller(caller: CallerDep) -> Caller:
    """Return the caller if the key opens the whole installation. Raises NotAllowed."""
    if caller.desk_id is not None:
        raise NotAllowed("This needs a key of the installation, not of one desk.")
    return caller


InstallationDep = Annotated[Caller, Depends(installation_caller)]


def admin_desk(
    service: ServiceDep,
    caller: CallerDep,
    desk: DeskName = None,
) -> AdminDesk:
    """Return the desk an admin works on. A desk's key opens no other desk."""
    with service.office.database.reading() as session:
        return AdminDesk(find_desk(session, desk, caller.desk_id).id, caller)


AdminDeskDep = Annotated[AdminDesk, Depends(admin_desk)]


def address_of(request: Request) -> str:
    """Return where a call comes from."""
    return request.client.host if request.client else "unknown"


def spend_address(request: Request, service: ServiceDep) -> None:
    """Count a call against its address. Raises TooMany."""
    service.limits.spend("address", address_of(request), service.settings.address_per_minute)


def speaker(
    request: Request,
    service: ServiceDep,
    credentials: Credentials,
    desk: Annotated[str | None, Query(description="With an installation's key and several desks: the slug")] = None,
    origin: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Speaker:
    """Return who chats, by visitor token or admin key. Raises NotSignedIn, NotAllowed, TooMany."""
    spend_address(request, service)
    if credentials is None:
        raise NotSignedIn("A visitor's token (from /v1/chat/session) or an admin key is needed.")
    if credentials.credentials.startswith("fd_"):
        caller = admin_caller(service, credentials)
        with service.office.database.reading() as session:
            return Speaker(find_desk(session, desk, caller.desk_id).id, None, caller.key_id)
    visitor = read(service.secret, credentials.credentials)
    check_origin(request, service, visitor.desk_id, origin)
    return Speaker(visitor.desk_id, visitor.id)


SpeakerDep = Annotated[Speaker, Depends(speaker)]


def key_speaker(speaker: SpeakerDep) -> Speaker:
    """Return who speaks with an admin key. Raises NotAllowed for a visitor."""
    if speaker.visitor_id is not None:
        raise NotAllowed("This needs an admin key: 'Authorization: Bearer fd_...'.")
    return speaker


KeySpeakerDep = Annotated[Speaker, Depends(key_speaker)]


def check_origin(request: Request, service: Service, desk_id: str, origin: str | None) -> None:
    """Refuse a page that this desk does not allow; our own pages and calls without a page are fine."""
    if origin is None or is_own(origin, request.headers.get("host")):
        return
    if service.settings.public_url and origin == service.settings.public_url.rstrip("/"):
        return
    with service.office.database.reading() as session:
        desk = session.get(Desk, desk_id)
    if desk is None or origin not in desk.allowed_origins:
        raise NotAllowed("This desk does not allow pages of this origin; add it to the desk's allowed origins.")
