"""The certificates between a leaf and its trust anchor, judged together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from ..findings import Finding
from .dates import Timing
from .name_constraints import NameConstraintChecker
from .parsed import ParsedCertificate
from .path import Path, PathSearch, path_findings
from .rules import anchor_findings, intermediate_findings

# Several CAs may bear one name, and only one of the paths over them be right.
_MAX_PATHS = 50


@dataclass(frozen=True)
class Verdict:
    """Findings, by what they are about.

    Attributes:
        intermediates: About the intermediates, each taken by itself.
        anchors: About the trust anchor's certificates, each taken by itself.
        path: About their connection.
    """

    intermediates: tuple[Finding, ...]
    anchors: tuple[Finding, ...] = ()
    path: tuple[Finding, ...] = ()

    @property
    def error_count(self) -> int:
        """How many of the findings are errors."""
        return sum(finding.severity == "error" for finding in (*self.intermediates, *self.anchors, *self.path))


def judge_chain(
    leaf: ParsedCertificate,
    intermediates: Sequence[ParsedCertificate],
    anchors: Sequence[ParsedCertificate] | None,
    timing: Timing,
) -> Verdict:
    """Judge the first faultless path, else the one with the fewest errors, else everything there is.

    What stands beside the path is not judged: an expired CA that nobody needs does no harm. A copy of the leaf or
    of an anchor among the intermediates is passed over, as the service does.
    """
    intermediates = _without_copies(intermediates, (leaf, *(anchors or ())))
    judge = _Judge(timing)
    if anchors is None:
        return Verdict(judge.intermediates(intermediates))
    search = PathSearch(intermediates, anchors, timing.at)
    best: Verdict | None = None
    for path in islice(search.paths(leaf), _MAX_PATHS):
        verdict = judge.path(path)
        if not verdict.error_count:
            return verdict
        if best is None or verdict.error_count < best.error_count:
            best = verdict
    return best or Verdict(judge.intermediates(intermediates), judge.anchors(anchors), (search.failure(),))


def _without_copies(
    intermediates: Iterable[ParsedCertificate], others: Iterable[ParsedCertificate]
) -> list[ParsedCertificate]:
    seen = {other.certificate for other in others}
    kept = []
    for intermediate in intermediates:
        if intermediate.certificate not in seen:
            seen.add(intermediate.certificate)
            kept.append(intermediate)
    return kept


class _Judge:
    """Applies the rules to certificates and paths; what stands on several paths is judged once."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._checker = NameConstraintChecker()
        self._intermediates: dict[ParsedCertificate, tuple[Finding, ...]] = {}

    def path(self, path: Path) -> Verdict:
        return Verdict(
            self.intermediates(path[1:-1]), self.anchors(path[-1:]), tuple(path_findings(path, self._checker))
        )

    def intermediates(self, certificates: Iterable[ParsedCertificate]) -> tuple[Finding, ...]:
        return tuple(finding for each in certificates for finding in self._intermediate(each))

    def anchors(self, certificates: Iterable[ParsedCertificate]) -> tuple[Finding, ...]:
        return tuple(finding for each in certificates for finding in anchor_findings(each, self._timing))

    def _intermediate(self, certificate: ParsedCertificate) -> tuple[Finding, ...]:
        if certificate not in self._intermediates:
            self._intermediates[certificate] = tuple(intermediate_findings(certificate, self._timing))
        return self._intermediates[certificate]
