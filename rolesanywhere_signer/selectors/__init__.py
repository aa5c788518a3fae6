"""Certificates chosen by what stands in them, among the PEM files of a directory."""

from __future__ import annotations

from .choice import Candidate, choose, matching, sha1_fingerprint, shown_name
from .directory import PemDirectory, PemFile, read_directory
from .key_search import KeySearch
from .names import helper_text
from .selector import Selector, parse_selector
from .source import CertificateDirectory, DirectorySource

__all__ = [
    "Candidate",
    "CertificateDirectory",
    "DirectorySource",
    "KeySearch",
    "PemDirectory",
    "PemFile",
    "Selector",
    "choose",
    "helper_text",
    "matching",
    "parse_selector",
    "read_directory",
    "sha1_fingerprint",
    "shown_name",
]
