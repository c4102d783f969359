"""How strongly events speak for one of two versions being worse, however often one looks.

If both are alike, every event falls to the candidate with a known probability: its share of the conversations, or
one half where both read the same conversation and only one of them causes the event. The evidence is how much
likelier the events are under a larger probability (averaged over all larger ones, uniformly) than under that one.
It is a test martingale for "not larger", so with an innocent candidate it ever reaches x with probability at most
1 / x (Ville 1939; Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Ramdas et al.
2023, "Game-theoretic statistics and safe anytime-valid inference", section 3).
"""

from math import exp, log, log1p

from scipy.special import betaln
from scipy.stats import beta

MOST = 1e9
"""What evidence is cut at; nobody reads further."""


def evidence_of_worse(candidate: int, events: int, share: float) -> float:
    """Return the evidence (1: none) that more than `share` of the events are the candidate's.

    `candidate` of the `events` were; `share` is strictly between 0 and 1.
    """
    others = events - candidate
    larger = betaln(candidate + 1, others + 1) + beta.logsf(share, candidate + 1, others + 1) - log1p(-share)
    alike = candidate * log(share) + others * log1p(-share)
    return min(exp(min(larger - alike, log(MOST))), MOST)
