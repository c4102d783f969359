"""The backbone that benches read through."""

from functools import cache

from agent.settings import Settings
from skills.backbone import Backbone
from skills.errors import BackboneUnusable
from skills.loading import load_backbone


@cache
def load_served() -> Backbone:
    """Load the backbone, once, as an installation's processes do; end with one sentence where it cannot be.

    FROSTDESK_PRECISION=float32 measures that number format, FROSTDESK_DEVICE=cuda a GPU.
    """
    settings = Settings()
    try:
        return load_backbone(settings.backbone, settings.precision, settings.device)
    except BackboneUnusable as error:
        raise SystemExit(str(error)) from error
