"""Every error this library raises on purpose.

SkillsError
├── PromptRefused      a stored prompt is not what it claims to be
├── BackboneChanged    the frozen weights are no longer the ones a prompt was tuned for
├── BackboneUnusable   the named backbone cannot be loaded or cannot take prefixes
├── CannotTune         the examples cannot teach this skill
└── TuningCancelled    somebody asked the running training to stop
"""


class SkillsError(Exception):
    """An expected failure; its text is one sentence fit to show to a person."""


class PromptRefused(SkillsError):
    """A stored prompt does not verify."""


class BackboneChanged(SkillsError):
    """The backbone's weights differ from the recorded fingerprint."""


class BackboneUnusable(SkillsError):
    """The named backbone cannot serve prompts."""


class CannotTune(SkillsError):
    """The examples are too few, of one class only, or name an unknown label."""


class TuningCancelled(SkillsError):
    """The run was cancelled between two steps."""
