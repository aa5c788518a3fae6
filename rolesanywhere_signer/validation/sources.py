"""Where the rules come from, as findings cite them."""

from __future__ import annotations

_GUIDE = "IAM Roles Anywhere User Guide"

SIGNATURE_VALIDATION = f"{_GUIDE}, Trust model, Signature validation"
SOURCE_IDENTITY = f"{_GUIDE}, Trust model"
ATTRIBUTE_MAPPING = f"{_GUIDE}, Attribute mapping"
CHAIN_HEADER = f"{_GUIDE}, Authentication, X-Amz-X509-Chain"
QUOTAS = f"{_GUIDE}, Quotas"
ANCHOR_SIZE = "IAM Roles Anywhere API Reference, CreateTrustAnchor, x509CertificateData"
SIGNING_PROCESS = f"{_GUIDE}, Signing process"

VALIDITY = "RFC 5280, 4.1.2.5"
KEY_USAGE = "RFC 5280, 6.1.4 (n)"
BASIC_CONSTRAINTS = "RFC 5280, 6.1.4 (k)"
PATH_LENGTH = "RFC 5280, 6.1.4 (l) and (m)"
NAME_CONSTRAINTS = "RFC 5280, 4.2.1.10 and 6.1.3 (b) and (c)"
CRITICAL_EXTENSIONS = "RFC 5280, 4.2 and 6.1.4 (o)"
NAME_CHAINING = "RFC 5280, 6.1.3 (a)(4)"
SIGNATURE_ON_PATH = "RFC 5280, 6.1.3 (a)(1)"
EXTENDED_KEY_USAGE = "RFC 5280, 4.2.1.12"
RSA_SIZE = "NIST SP 800-131A, RSA keys of at least 2048 bits"
