"""Keys of one section go, with their values; a table shows each file before and after."""

from __future__ import annotations

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.ini_file import remove_keys

CASES = {
    "no file": (b"", b""),
    "no such section": (b"[b]\nours = 1\n", b"[b]\nours = 1\n"),
    "nothing to go": (b"[a]\nregion = x\n", b"[a]\nregion = x\n"),
    "all of it": (b"[a]\nours = 1\n", b"[a]\n"),
    "one among others": (b"[a]\nregion = x\nours = 1\noutput = json\n", b"[a]\nregion = x\noutput = json\n"),
    "in capitals": (b"[a]\nOURS = 1\n", b"[a]\n"),
    "written twice": (b"[a]\nours = 1\nregion = x\nours = 2\n", b"[a]\nregion = x\n"),
    "over several lines": (b"[a]\nours =\n  1\n  region = in the value\nregion = x\n", b"[a]\nregion = x\n"),
    "comments stay": (b"[a]\n# of ours\nours = 1\n; end\n[b]\n", b"[a]\n# of ours\n; end\n[b]\n"),
    "in each section of the name": (b"[a]\nours = 1\n[b]\nours = 1\n[a]\nours = 2\n", b"[a]\n[b]\nours = 1\n[a]\n"),
    "the last line has no end": (b"[a]\nregion = x\nours = 1", b"[a]\nregion = x\n"),
    "CR LF and odd bytes": (b"[a]\r\nours = \xff\r\nname = \xe4\r\n", b"[a]\r\nname = \xe4\r\n"),
    "byte order mark": (b"\xef\xbb\xbf[a]\nours = 1\nregion = x", b"\xef\xbb\xbf[a]\nregion = x"),
    "a header that means the same": (b"[ a ]\nours = 1\n", b"[ a ]\n"),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_keys_go(before: bytes, after: bytes) -> None:
    assert remove_keys(before, "a", lambda key: key == "ours", is_same=lambda other: other.strip() == "a") == after


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="NUL"):
        remove_keys(b"[\0a\0]", "a", lambda _: True)
