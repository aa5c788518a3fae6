"""Every kind of key in SoftHSM: it is named, signs, and nobody learns the PIN."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from rolesanywhere_signer import ConfigurationError, PassphraseError, UnsupportedKeyError
from rolesanywhere_signer.errors import PrivateKeyLoadError
from rolesanywhere_signer.keys import Digest, SigningKey
from rolesanywhere_signer.keys.pkcs11 import Pkcs11Key
from rolesanywhere_signer.testing import CertificateAuthority
from rolesanywhere_signer.token_source import TokenSource

from .cards import PIN, Card
from .conftest import MakeCard, Shim

_HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
KINDS = {
    "rsa:2048": "AWS4-X509-RSA-SHA256",
    "rsa:3072": "AWS4-X509-RSA-SHA256",
    "rsa:4096": "AWS4-X509-RSA-SHA256",
    "EC:prime256v1": "AWS4-X509-ECDSA-SHA256",
    "EC:secp384r1": "AWS4-X509-ECDSA-SHA256",
    "EC:secp521r1": "AWS4-X509-ECDSA-SHA256",
}


def verify(key: SigningKey, signature: bytes, data: bytes, digest: str = "SHA256") -> None:
    public_key = key.public_key
    if isinstance(public_key, rsa.RSAPublicKey):
        public_key.verify(signature, data, padding.PKCS1v15(), _HASHES[digest])
    else:
        assert isinstance(public_key, ec.EllipticCurvePublicKey)
        public_key.verify(signature, data, ec.ECDSA(_HASHES[digest]))


@pytest.mark.parametrize("kind", KINDS)
def test_key_that_the_token_made_signs(card: Card, kind: str) -> None:
    card.make_key(kind, "0a", "made there")
    key = Pkcs11Key(f"{card.uri};id=%0A", PIN, card.module)

    verify(key, key.sign(b"data"), b"data")

    assert key.algorithm == KINDS[kind]


@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("kind", ["rsa:2048", "EC:prime256v1", "EC:secp521r1"])
def test_key_signs_over_other_hashes(card: Card, kind: str, digest: Digest) -> None:
    card.make_key(kind, "01", "k")
    key = Pkcs11Key(card.uri, PIN, card.module)

    verify(key, key.sign_with(b"data", digest), b"data", digest)


@pytest.mark.parametrize(
    "attributes",
    [
        "token=card",
        "token=card;object=first%20key",
        "token=card;id=%01",
        "token=card;object=first%20key;id=%01;type=private",
        "manufacturer=SoftHSM%20project;object=first%20key",
        "model=SoftHSM%20v2;token=card",
        "library-manufacturer=SoftHSM;token=card",
        "library-description=Implementation%20of%20PKCS11;token=card",
        "slot-manufacturer=SoftHSM%20project;token=card",
        "object=first%20key",
        "",
    ],
)
def test_every_way_to_name_a_key(card: Card, attributes: str) -> None:
    card.make_key("EC:prime256v1", "01", "first key")

    key = Pkcs11Key(f"pkcs11:{attributes}", PIN, card.module)

    verify(key, key.sign(b"data"), b"data")


def test_serial_and_slot_name_a_token(make_card: MakeCard) -> None:
    cards = [make_card("same"), make_card("other")]
    for card in cards:
        card.make_key("EC:prime256v1", "01", card.label)
    by_label = Pkcs11Key("pkcs11:token=other", PIN, cards[0].module)
    stored = by_label._stored
    assert stored is not None

    for name in ("serial", "slot-id"):
        key = Pkcs11Key(f"pkcs11:{name}={stored.token.values[name]}", PIN, cards[0].module)
        assert key.public_key == by_label.public_key


def test_module_path_and_pin_value_stand_in_the_uri(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "k")

    key = Pkcs11Key(f"{card.uri}?module-path={card.module}&pin-value={PIN}")

    verify(key, key.sign(b"data"), b"data")
    assert PIN not in repr(key)
    assert PIN not in repr(vars(key))


@pytest.mark.parametrize("form", ["{path}", "file:{path}", "file://{path}", "file://localhost{path}"])
def test_pin_source_is_a_file(card: Card, form: str) -> None:
    card.make_key("EC:prime256v1", "01", "k")
    path = card.directory / "pin"
    path.write_text(f"{PIN}\n")

    key = Pkcs11Key(f"{card.uri}?pin-source={form.format(path=path)}", None, card.module)

    verify(key, key.sign(b"data"), b"data")


def test_pin_comes_from_a_callable(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "k")
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return PIN

    key = Pkcs11Key(card.uri, ask, card.module)
    for _ in range(3):
        verify(key, key.sign(b"data"), b"data")

    assert len(asked) == 1


def test_pin_is_missing(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "k")

    with pytest.raises(PassphraseError, match=r"the token 'card' .* wants its PIN, and none was given"):
        Pkcs11Key(card.uri, None, card.module)


def test_token_is_named_where_the_pin_cannot_be_had(card: Card) -> None:
    def ask() -> str:
        raise PassphraseError("nobody is there")

    with pytest.raises(PassphraseError, match=r"the token 'card' .* wants its PIN: nobody is there"):
        Pkcs11Key(card.uri, ask, card.module)


def test_wrong_pin(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "k")

    with pytest.raises(PassphraseError, match="refused the PIN: it is wrong") as caught:
        Pkcs11Key(card.uri, "111111", card.module)
    with pytest.raises(PassphraseError, match="refused this PIN before; it is not sent again"):
        Pkcs11Key(card.uri, "111111", card.module)

    assert "111111" not in str(caught.value)
    Pkcs11Key(card.uri, PIN, card.module)


def test_another_pin_is_wrong_where_the_token_is_open_already(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "k")
    Pkcs11Key(card.uri, PIN, card.module)

    with pytest.raises(PassphraseError, match="it is wrong"):
        Pkcs11Key(card.uri, "222222", card.module)


def test_no_key_fits(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "there")

    with pytest.raises(PrivateKeyLoadError) as caught:
        Pkcs11Key(f"{card.uri};object=gone?pin-value={PIN}", None, card.module)

    assert "no private key fits pkcs11:token=card;object=gone; there are:" in caught.value.message
    assert "object=there;id=%01;type=private" in caught.value.message
    assert PIN not in str(caught.value)


def test_several_keys_fit(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "one")
    card.make_key("EC:prime256v1", "02", "two")

    with pytest.raises(PrivateKeyLoadError, match="2 private keys fit pkcs11:token=card") as caught:
        Pkcs11Key(card.uri, PIN, card.module)

    assert "object=one" in caught.value.message
    assert "object=two" in caught.value.message


def test_pin_is_sent_to_the_token_of_the_key_alone(make_card: MakeCard, shim: Shim) -> None:
    card, other = make_card("card"), make_card("other")
    card.make_key("EC:prime256v1", "01", "mine")
    other.make_key("EC:prime256v1", "01", "another")

    key = Pkcs11Key("pkcs11:object=mine", PIN, shim.module)

    verify(key, key.sign(b"data"), b"data")
    assert shim.login_count == 1


def test_pin_is_sent_to_none_of_several_tokens(make_card: MakeCard, shim: Shim) -> None:
    for label in ("card", "other"):
        make_card(label).make_key("EC:prime256v1", "01", "mine")

    with pytest.raises(PrivateKeyLoadError, match="2 tokens fit pkcs11:object=mine") as caught:
        Pkcs11Key("pkcs11:object=mine", PIN, shim.module)

    assert "token=card" in caught.value.message
    assert "token=other" in caught.value.message
    assert shim.login_count == 0


def test_refused_pin_is_not_sent_through_another_module(card: Card, shim: Shim) -> None:
    with pytest.raises(PassphraseError, match="refused the PIN: it is wrong"):
        Pkcs11Key(card.uri, "333333", card.module)

    with pytest.raises(PassphraseError, match="refused this PIN before"):
        Pkcs11Key(card.uri, "333333", shim.module)
    assert shim.login_count == 0


def test_no_token_fits(card: Card) -> None:
    with pytest.raises(PrivateKeyLoadError, match=r"no token fits pkcs11:token=gone in .*\n.*token=card"):
        Pkcs11Key("pkcs11:token=gone", PIN, card.module)


@pytest.mark.parametrize(
    ("path", "why"), [("/nowhere/module.so", "No such file or directory"), (__file__, "invalid ELF header")]
)
def test_module_cannot_be_loaded(softhsm: str, path: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"the PKCS#11 module .* cannot be loaded \(.*{why}"):
        Pkcs11Key("pkcs11:token=x", PIN, path)


def test_module_has_several_names(card: Card, tmp_path: Path) -> None:
    card.make_key("EC:prime256v1", "01", "k")
    by_another_name = tmp_path / "module.so"
    by_another_name.symlink_to(card.module)

    for path in (card.module, str(by_another_name), by_another_name):
        key = Pkcs11Key(card.uri, PIN, path)  # type: ignore[arg-type]
        verify(key, key.sign(b"data"), b"data")


def test_certificate_names_no_key(card: Card) -> None:
    with pytest.raises(PrivateKeyLoadError, match="names no private key"):
        Pkcs11Key(f"{card.uri};type=cert", PIN, card.module)


def test_edwards_key_is_not_supported(card: Card) -> None:
    card.make_key("EC:edwards25519", "01", "k")

    with pytest.raises(UnsupportedKeyError, match="EC_EDWARDS"):
        Pkcs11Key(card.uri, PIN, card.module)


def test_key_is_not_pickled(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "k")

    with pytest.raises(ConfigurationError, match="cannot be pickled"):
        pickle.dumps(Pkcs11Key(card.uri, PIN, card.module))


def test_key_that_wants_its_pin_each_time(card: Card) -> None:
    card.make_key("EC:prime256v1", "01", "k", "--always-auth")
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return PIN

    key = Pkcs11Key(card.uri, ask, card.module)
    for _ in range(2):
        verify(key, key.sign(b"data"), b"data")
    reusing = Pkcs11Key(card.uri, ask, card.module, reuse_pin=True)
    before = len(asked)
    for _ in range(2):
        verify(reusing, reusing.sign(b"data"), b"data")

    assert len(asked) == before
    assert before >= 3


def test_public_half_is_that_of_the_certificate(card: Card) -> None:
    issued = CertificateAuthority().issue("CN=app")
    card.write(issued)
    card.tool("--delete-object", "--type", "pubkey", "--id", "01")

    key = Pkcs11Key(card.uri, PIN, card.module)

    assert key.public_key == issued.certificate.public_key()


def test_pin_of_a_uri_goes_into_no_pickle() -> None:
    with pytest.raises(ConfigurationError, match="cannot be pickled: the PIN would go along"):
        pickle.dumps(TokenSource(f"pkcs11:token=card?pin-value={PIN}"))
