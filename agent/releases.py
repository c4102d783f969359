"""Loading what is live: prompts come from the database's bytes, are verified, then one reference moves."""

from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy import select

from agent.database import Database
from agent.desks import TEXTS, ArticleView, DeskView, LiveSkill, TrialView, passages_of
from agent.errors import NotFound
from agent.hours import hours_of
from agent.router import Lead
from agent.tables import Artefact, Article, Desk, Intent, Skill, Trial, Version
from agent.tables.trials import ON_TRIAL
from skills.backbone import Backbone
from skills.errors import PromptRefused
from skills.index import Index, build_index
from skills.live import Live
from skills.reading import answer_floor
from skills.spelling import Spelling, learn_spelling
from skills.store import Store
from skills.vectors import Vectors

log = structlog.get_logger(__name__)


def read_artefact(database: Database, digest: str) -> bytes:
    """Return the bytes of record of a prompt. Raises PromptRefused if there are none."""
    with database.reading() as session:
        content = session.scalar(select(Artefact.content).where(Artefact.digest == digest))
    if content is None:
        raise PromptRefused(f"The database holds no prompt {digest[:12]}.")
    return content


class Releases:
    """Loads desks for one process and notices when another process changed them."""

    def __init__(self, database: Database, backbone: Backbone, store: Store, vectors: Vectors) -> None:
        self._database, self._backbone, self._store, self._vectors = database, backbone, store, vectors
        self.live: Live[DeskView] = Live(self._load)

    def refresh(self, desk_id: str) -> None:
        """Reload a desk if its revision moved. A version that does not verify leaves the old one live."""
        old = self.live.peek(desk_id)
        with self._database.reading() as session:
            revision = session.scalar(select(Desk.revision).where(Desk.id == desk_id))
        if old is None or revision is None or revision == old.revision:
            return
        self.live.swap(desk_id, self._load(desk_id))

    def refresh_all(self) -> None:
        """Reload every loaded desk whose revision moved: one query, then only what changed."""
        loaded = self.live.desks()
        if not loaded:
            return
        with self._database.reading() as session:
            rows = session.execute(select(Desk.id, Desk.revision).where(Desk.id.in_(loaded))).all()
        for desk_id, revision in rows:
            old = self.live.peek(desk_id)
            if old is not None and old.revision != revision:
                self.live.swap(desk_id, self._load(desk_id))

    def _load(self, desk_id: str) -> DeskView:
        old = self.live.peek(desk_id)
        with self._database.reading() as session:
            desk = session.get(Desk, desk_id)
            if desk is None:
                raise NotFound("There is no such desk.")
            intents = session.scalars(select(Intent).where(Intent.desk_id == desk_id)).all()
            articles = session.scalars(select(Article).where(Article.desk_id == desk_id)).all()
            passages = passages_of(session, desk_id)
            live = session.execute(
                select(Skill, Version)
                .join(Version, Skill.live_version_id == Version.id)
                .where(Skill.desk_id == desk_id)
            ).all()
        known = {row.slug: ArticleView(row.slug, row.question, row.answer, row.link) for row in articles}
        unchanged = old is not None and old.passages == passages and old.articles == known
        index = old.passage_index if old and old.passages == passages else self._index(desk_id, passages)
        found = [self._live_skill(skill, version, index, old) for skill, version in live]
        skills, budget = [skill for skill in found if skill is not None], desk.policy.get("error_budget")
        return DeskView(
            id=desk.id,
            slug=desk.slug,
            name=desk.name,
            revision=desk.revision,
            table={row.name: Lead(row.action, row.reply) for row in intents},
            texts={**TEXTS, **desk.texts},
            rules=tuple(desk.policy.get("rules", ())),
            articles=known,
            passages=passages,
            passage_index=index,
            skills=tuple(skills),
            spelling=old.spelling if old and unchanged else self._spelling(passages, known),
            floors={skill.name: answer_floor(skill.prompt, budget) for skill in skills} if budget else {},
            trials=self._trials(skills, index, budget),
            hours=hours_of(desk.policy),
        )

    def _trials(self, live: Sequence[LiveSkill], index: Index | None, budget: float | None) -> tuple[TrialView, ...]:
        """Load the candidates on trial against live skills; one that does not verify takes no part."""
        versions = [skill.version_id for skill in live]
        with self._database.reading() as session:
            rows = session.execute(
                select(Trial, Skill, Version)
                .join(Skill, Trial.skill_id == Skill.id)
                .join(Version, Trial.version_id == Version.id)
                .where(Trial.against_id.in_(versions), Trial.stage.in_(ON_TRIAL))
                .order_by(Trial.created_at)
            ).all()
        loaded = [(trial, self._live_skill(skill, version, index, None)) for trial, skill, version in rows]
        return tuple(
            TrialView(trial.id, trial.stage, trial.share, skill, answer_floor(skill.prompt, budget) if budget else 0.0)
            for trial, skill in loaded
            if skill is not None
        )

    def _index(self, desk_id: str, passages: Mapping[str, tuple[str, ...]]) -> Index:
        return build_index(self._backbone, passages, lambda texts: self._vectors.embed(desk_id, texts))

    def _spelling(self, passages: Mapping[str, tuple[str, ...]], articles: Mapping[str, ArticleView]) -> Spelling:
        texts = [*(text for group in passages.values() for text in group), *(row.answer for row in articles.values())]
        return learn_spelling(texts, lambda word: self._backbone.tokenizer.token_to_id(word) is not None)

    def _live_skill(
        self, skill: Skill, version: Version, index: Index | None, old: DeskView | None
    ) -> LiveSkill | None:
        before = old.skill(skill.name) if old else None
        try:
            same = before is not None and before.version_id == version.id
            prompt = before.prompt if before and same else self._store.load(version.digest)
        except PromptRefused as error:
            log.error("version_refused", skill=skill.name, version=version.number, reason=str(error))
            return before
        own = None
        if prompt.retrieves and index is not None:
            kept = before if same and old is not None and old.passage_index is index else None
            own = kept.index if kept else prompt.indexed(index).ready()
        if not same:
            log.info("version_loaded", desk=skill.desk_id, skill=skill.name, version=version.number)
        return LiveSkill(skill.name, skill.kind, version.id, version.number, prompt, own)
