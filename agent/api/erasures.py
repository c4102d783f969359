"""Erasing a customer's data, over HTTP."""

from typing import Literal

import structlog
from fastapi import APIRouter, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.api.deps import AdminDesk, AdminDeskDep, Limit, ServiceDep
from agent.api.schemas.erasures import DueView, ErasureAnswer, ErasureRequest, ErasureView
from agent.customers import Customer, Traces, find_traces
from agent.erasures import erase, find_erasure
from agent.identities import customer_id
from agent.lineage import Due, due_skills, open_due
from agent.tables import Desk, Erasure

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/admin", tags=["privacy"])


@router.post("/erasures", status_code=201, responses={200: {"model": ErasureAnswer, "description": "Nothing changed"}})
def erase_customer(body: ErasureRequest, service: ServiceDep, desk: AdminDeskDep, response: Response) -> ErasureAnswer:
    """Erase everything stored of a customer, for good, and leave a tombstone without their id.

    Conversations, messages, turns, escalations, corrections, examples made from them, deliveries and outbound
    events go; ticket events lose their bodies. 201 when something was erased; 200 for a dry run, and for a customer
    who was erased before (repeating the call is harmless); 404 if this desk never knew them; 409 while a
    ticket event of theirs is being read.
    """
    customer = _customer(body, desk.id)
    with service.office.database.writing() as session:
        traces = find_traces(session, desk.id, customer)
        answer = _forget(session, desk, customer, traces, body)
    if answer.status == "erased" and answer.erasure:
        log.info("customer_erased", erasure=answer.erasure.id, **answer.counts)
        for conversation in traces.conversations:  # whoever follows one learns that it is gone
            service.office.jobs.tell("conversation", conversation)
    else:
        response.status_code = 200
    for due in answer.retraining_due:
        if due.opened and due.retraining:
            service.office.jobs.nudge("retrain", due.retraining)
    return answer


@router.get("/erasures")
def list_erasures(service: ServiceDep, desk: AdminDeskDep, limit: Limit = 50) -> list[ErasureView]:
    """List the tombstones of erased customers, newest first: when, by whom, how much."""
    statement = select(Erasure).where(Erasure.desk_id == desk.id).order_by(Erasure.created_at.desc())
    with service.office.database.reading() as session:
        return [_view(row) for row in session.scalars(statement.limit(limit))]


def _customer(body: ErasureRequest, desk_id: str) -> Customer:
    if body.customer is not None:
        return Customer("visitor", customer_id(desk_id, body.customer))
    if body.visitor_id is not None:
        return Customer("visitor", body.visitor_id)
    return Customer("conversation", str(body.conversation_id))


def _forget(
    session: Session, desk: AdminDesk, customer: Customer, traces: Traces, body: ErasureRequest
) -> ErasureAnswer:
    """Erase, or say what would go or has gone, and which skills are due."""
    status: Literal["erased", "would_erase", "erased_before"] = "would_erase"
    tombstone = None
    if not traces.conversations and not traces.events:
        status, tombstone = "erased_before", find_erasure(session, desk.id, customer)
    elif not body.dry_run:
        status, tombstone = "erased", erase(session, desk.id, customer, traces, desk.caller.name)
    opener = desk.caller.name if not body.dry_run and _opens(session, desk, body) else None
    due = due_skills(session, desk.id, going=traces.learnt)
    return ErasureAnswer(
        status=status,
        counts=tombstone.counts if tombstone else dict(traces.counts),
        erasure=_view(tombstone) if tombstone else None,
        retraining_due=[_due(session, row, opener) for row in due],
    )


def _opens(session: Session, desk: AdminDesk, body: ErasureRequest) -> bool:
    if body.retrain is None:
        return bool(session.get_one(Desk, desk.id).policy.get("retrain_erased", False))
    return body.retrain == "open"


def _due(session: Session, due: Due, opener: str | None) -> DueView:
    run, opened = open_due(session, due, opener) if opener else (None, False)
    return DueView(
        skill=due.skill.name,
        live_version=due.version.number,
        erased_examples=due.erased_examples,
        retraining=run.id if run else None,
        opened=opened,
    )


def _view(row: Erasure) -> ErasureView:
    return ErasureView.model_validate({name: getattr(row, name) for name in ErasureView.model_fields})
