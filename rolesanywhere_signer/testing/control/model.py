"""botocore's model of the service, and which operation a request is for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from ...errors import ConfigurationError
from ..wire import HttpRequest, octets

SERVICE = "rolesanywhere"


class Route(NamedTuple):
    """An operation, and its path: literal segments, and labels in braces."""

    operation: OperationModel
    segments: tuple[str, ...]


class Match(NamedTuple):
    """The operation that a request is for, and what stands in its path at the labels."""

    operation: OperationModel
    labels: dict[str, str]


@cache
def service_model() -> ServiceModel:
    """Return the model of the service that comes with botocore.

    Raises:
        ConfigurationError: It does not come with this one.
    """
    try:
        return ServiceModel(Loader().load_service_model(SERVICE, "service-2"), SERVICE)
    except (DataNotFoundError, UnknownServiceError) as error:
        raise ConfigurationError(
            f"this botocore has no model of {SERVICE}, which the control plane answers by",
            hint="install botocore with all of its data",
        ) from error


def operations() -> Iterator[OperationModel]:
    """Yield every operation of the model."""
    model = service_model()
    return (model.operation_model(name) for name in model.operation_names)


def match_request(request: HttpRequest) -> Match | None:
    """Return the operation that a request is for; None: there is none with this method and path."""
    # Split before it is decoded: an encoded slash belongs to a label.
    pieces = request.raw_path.split("/")
    for route in _routes().get((request.method, len(pieces)), ()):
        labels = _labels(route.segments, pieces)
        if labels is not None:
            return Match(route.operation, labels)
    return None


@cache
def _routes() -> dict[tuple[str, int], list[Route]]:
    routes: dict[tuple[str, int], list[Route]] = {}
    for operation in operations():
        segments = tuple(str(operation.http["requestUri"]).split("/"))
        routes.setdefault((str(operation.http["method"]), len(segments)), []).append(Route(operation, segments))
    return routes


def _labels(segments: tuple[str, ...], pieces: list[str]) -> dict[str, str] | None:
    labels: dict[str, str] = {}
    for segment, piece in zip(segments, pieces, strict=True):
        if segment.startswith("{") and piece:
            labels[segment.strip("{}")] = unquote_to_bytes(octets(piece)).decode("utf-8", "replace")
        elif segment != piece:
            return None
    return labels
