"""The certificates between a leaf and its trust anchor, judged together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from ..findings import Finding
from .dates import Timing
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
    if anchors is None:
        return Verdict(_judge_intermediates(intermediates, timing))
    search = PathSearch(intermediates, anchors, timing.at)
    verdicts = []
    for path in islice(search.paths(leaf), _MAX_PATHS):
        verdict = _judge_path(path, timing)
        if not verdict.error_count:
            return verdict
        verdicts.append(verdict)
    if verdicts:
        return min(verdicts, key=lambda verdict: verdict.error_count)
    return Verdict(_judge_intermediates(intermediates, timing), _judge_anchors(anchors, timing), (search.failure(),))


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


def _judge_path(path: Path, timing: Timing) -> Verdict:
    return Verdict(
        _judge_intermediates(path[1:-1], timing), _judge_anchors(path[-1:], timing), tuple(path_findings(path))
    )


def _judge_intermediates(certificates: Iterable[ParsedCertificate], timing: Timing) -> tuple[Finding, ...]:
    return tuple(finding for each in certificates for finding in intermediate_findings(each, timing))


def _judge_anchors(certificates: Iterable[ParsedCertificate], timing: Timing) -> tuple[Finding, ...]:
    return tuple(finding for each in certificates for finding in anchor_findings(each, timing))
