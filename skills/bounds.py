"""Bounds of a paired loss: of the rows two versions judged, how many only one of them gets right."""

import math
from statistics import NormalDist

from scipy.optimize import brentq
from scipy.stats import binom

ONE_SIDED = 0.05


def z_of(error: float) -> float:
    """Return the normal quantile of a one-sided bound that fails in `error` of all cases."""
    return NormalDist().inv_cdf(1 - error)


CONFIDENCE_Z = z_of(ONE_SIDED)


def loss_bound(rows: int, lost: int, won: int, z: float = CONFIDENCE_Z) -> float:
    """Upper end of the one-sided score interval of a paired difference of proportions.

    `lost` rows only the live version gets right, `won` only the candidate. Tango 1998, "Equivalence test
    and confidence interval for the difference in proportions for the paired-sample design", Statistics in
    Medicine 17, equations 5 and 6. Unlike the normal interval it is honest at small counts: without any
    disagreement it is z^2 / (n + z^2), not zero.
    """

    def statistic(loss: float) -> float:
        a = 2.0 * rows
        b = -lost - won + (2.0 * rows - lost + won) * loss
        c = -won * loss * (1.0 - loss)
        chance = (math.sqrt(max(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a)
        spread = math.sqrt(max(rows * (2.0 * chance + loss * (1.0 - loss)), 1e-12))
        return (lost - won - rows * loss) / spread + z

    seen = (lost - won) / rows
    if seen >= 1.0:
        return 1.0
    return float(brentq(statistic, seen, 1.0 - 1e-12))


def loss_floor(rows: int, lost: int, won: int, z: float = CONFIDENCE_Z) -> float:
    """Lower end of the same interval: at least so much is lost."""
    return -loss_bound(rows, won, lost, z)


def loss_is_shown(lost: int, won: int) -> bool:
    """Return whether the rows that only one version gets right show a loss (95 %), however few they are.

    The exact test of McNemar 1947: if neither were worse, each such row would fall to either side like a coin. The
    score interval above is an approximation that takes three rows against none for proof; here it takes five.
    """
    return bool(binom.sf(lost - 1, lost + won, 0.5) <= ONE_SIDED)
