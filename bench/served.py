"""The backbone that benches read through."""

from agent.settings import Settings
from skills.backbone import Backbone
from skills.loading import load_backbone


def load_served() -> Backbone:
    """Load the backbone as an installation's processes do.

    FROSTDESK_PRECISION=float32 measures that number format, FROSTDESK_DEVICE=cuda a GPU.
    """
    settings = Settings()
    return load_backbone(settings.backbone, settings.precision, settings.device)
