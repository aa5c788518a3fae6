"""What nobody outside the service knows, and what is assumed instead: one stable choice each.

Texts that the live service has for these cases were never published. Do not let an application depend on the
constants below; depend on the status and on the fact that the request is refused.

Further assumptions, about behaviour:

- Parameters are validated after the signature, so that a tampered body or query is an invalid signature, whatever the
  tampering made of it. The order is: signature, quota, parameters, trust anchor, path with the rules for the leaf,
  revocation, profile, role, role session name, AssumeRole; the first failure is the answer. AssumeRole looks at the
  role's existence, its trust policy, the length of the session policy and the number of managed policies, the session
  policy's form, and the duration.
- An unknown trust anchor is a ``ResourceNotFoundException`` with status 404.
- SignedHeaders that are out of order or name a header twice are an invalid signature.
- The signed date may be off by exactly 300 seconds, and not by more.
- The scope's region must be the service's, and its day that of ``X-Amz-Date``.
- The path is signed without empty and dot segments (RFC 3986, 5.2.4, and as SigV4 asks of all services but S3), each
  segment encoded once more. Otherwise than in the RFC, it ends with a slash only where it came with one. A dot that
  came percent-encoded makes no dot segment. What the path leads to is looked up as it came.
- A target in absolute form whose authority is not the Host header is an invalid signature: the target's counts
  (RFC 9112, 3.2.2), and it is not what was signed.
- A body is UTF-8 without a byte order mark; one with a member twice, NaN or Infinity is no JSON. Its content type does
  not matter.
- An ``X-Amz-X509`` header that is no certificate is an invalid signature.
- An ARN in the query and in the body must be the same in both. A name twice in the query is refused.
- The chain header may be in any order and may hold the leaf, the anchor and duplicates, which do not count for its
  limit of five.
- An intermediate or anchor that is expired or not yet valid is an untrusted signing certificate.
- A trust anchor's certificates are checked when it is made, all but their dates, which count at each call.
- A leaf whose extended key usage lacks clientAuth is accepted. A critical extension that is not understood is refused
  (RFC 5280, 4.2): of the leaf as unfit, of a CA as an untrusted signing certificate. So is a chain in which names of
  other kinds than DNS, URI, email and directory names are both constrained and used.
- A role that the profile names and nobody made cannot be assumed. One without a trust policy lets every
  trust anchor of the account, and no other role.
- The default role session name is the serial in hexadecimal without padding.
- The source identity is the first common name; one over 64 characters counts as none.
- ``sessionName``, an old name of ``roleSessionName``, is taken where the new one is absent; both must be the same.
- ``packedPolicySize`` is the share of 2,048 characters that session tags and session policies take, at most 100;
  nothing is refused for it.
- CreateSession takes no alias ARN: the patterns of its parameters do not match one.
- The quota is counted for each certificate, once its signature is verified.
- Session tags come in the order subject, issuer, DNS, URI, directory name; those after the fiftieth are dropped. A
  specifier is compared as it is written, short name or OID, and is part of the tag's key so; ``*`` takes short names,
  and OIDs for attributes that have none. A specifier that the certificate has no value for is not missed.
- Dropped are values that are no text, over 256 characters, or have other characters than letters, digits, spaces and
  ``_ . : / = + - @``. The list that a refusal ends with has their specifiers, apart by a comma: ``CN``, ``DNS``,
  ``Name/CN``. A second DNS name, URI or directory name is ``DNS/2``, ``URI/2``, ``Name/2``, and so on, whether it could
  be a tag or not. The list stands behind what STS says, too.
- Roles Anywhere needs all three actions of a role's trust policy, also for a certificate that gives no tags. Session
  tags are request tags and principal tags in conditions, and all keys are there for all three actions, with the time:
  aws:CurrentTime and aws:EpochTime. No other global key is.
- In a trust policy the principal ``*`` means the service too; ``{"AWS": "*"}`` does where it denies, and does not where
  it allows. NotPrincipal is refused when the role is made. Names of operators are compared as they are written. A
  condition with a variable that has no value does not hold, whatever its operator. What a variable stands for holds no
  wildcards. An ARN that is compared has six parts; a wildcard reaches over a colon in the last one alone. A key with
  several values and an operator without quantifier: any of them may fit, for a negated operator none.
- A list of revoked certificates counts for its trust anchor, for those that its issuer issued and if the issuer's key
  signed it, or that of a certificate of the trust anchor with the issuer's name, whatever its dates, its scope, its
  extensions and the issuer's key usage are. Delta lists count like others, but for what they remove; in indirect lists
  only the issuer's own entries do. A path without a revoked certificate is enough. The trust anchor's own certificates
  cannot be revoked. Distribution points are not asked, whatever the trust anchor says.
- A subject is noted once its certificate is found to be trusted: each request from then on, as failed where it is
  refused, for a revoked certificate too. It keeps the instance properties of refused requests as well.
- A session policy has at most 2,048 characters, and a session at most 10 managed policies; STS refuses more in its
  sentences about members.
- What another STS says follows the sentence about the role. Where it, or another IAM, does not answer, or fails, the
  answer is a ``ServiceUnavailableException`` with status 503.
- The control plane looks first at the signature, then at the caller's permission, the quota, and the members of the
  request. Types come before constraints, constraints before what the account holds. At most 20 violations are named;
  what is inside of a list that is too long or too short is not looked at. The inside of a value over about a thousand
  characters, and of what the model calls sensitive, is not repeated.
- A signature for the control plane must cover ``host``, ``x-amz-date`` and every ``x-amz-`` header; its date is judged
  as for STS, below. Errors of the signature have status 403 and the names that other services with JSON have.
- Credentials that this service gave out are verified at the control plane too. Where ``control_credentials`` are
  given, those alone may administer the account: a role's session is not authorized. What a role's policies allow is
  not looked at.
- What is made without ``enabled`` is disabled. Names need not be unique. A role that a profile names need not exist.
- A list is in the order in which the resources were made. A page holds 50, and at most 1,000. The token for the next
  page is good for the same list of the same service, with any page size.
- Where a limit is reached, or an alias, a tag or a mapping rule is not allowed, the answer is a
  ``ValidationException``; TagResource has its own for too many tags. A resource has at most 50 tags, a certificate
  field at most 50 mapping rules. Tag keys that begin with ``aws:`` are reserved. An alias is none for tags.
- A bundle is PEM. It may hold expired certificates. A CRL is one PEM block or DER, signed by a CA of the trust anchor;
  neither its dates nor the CA's cRLSign count at the import. It is checked again when it is updated, and not when the
  trust anchor's certificates are changed. With a trust anchor its CRLs are deleted.
- Mapping rules that are put are added to those of the field; deleted ones must be there. DeleteAttributeMapping
  without specifiers deletes all rules of the field. ``*`` is a specifier of subject and issuer only, beside short names
  and OIDs, which are not looked at; of the alternative names there are ``DNS``, ``URI`` and ``Name/`` with any of them.
- A notification setting that is enabled needs a threshold; an event may be put or reset once in a request.
- A private CA's certificate is taken when the trust anchor is made, and again when its source is updated.
- A subject is disabled by nobody. It keeps the 10 most recent certificates and instance properties; the serial number
  is in decimal.
- A quota is a bucket that holds one second's calls; the clock of this service fills it.
- STS lets a session assume the next role: the role's trust policy must name it, its role or the account, and allow
  sts:SetSourceIdentity as well, for the source identity goes on with the session. What the permissions of the first
  role say of sts:AssumeRole is not known here; its session policy is heeded. Tags do not go on.
- STS knows the 10,000 credentials that this service gave out last.
- STS takes a signature whose date is within 15 minutes of this service's clock or of the machine's: the former can be
  set, the SDK signs by the latter. Its scope may name any region.
"""

from __future__ import annotations

LEAF_NOT_VALID_NOW = "Untrusted certificate. Certificate expired or not yet valid"
DISABLED_TRUST_ANCHOR = "Specified Trust Anchor is disabled."
DISABLED_PROFILE = "Specified Profile is disabled."
TOO_MANY_INTERMEDIATES = "Untrusted certificate. X-Amz-X509-Chain has more than 5 certificates"
UNREADABLE_CHAIN = "X-Amz-X509-Chain is not a list of base64 DER certificates"
MISSING_AUTHORIZATION = "Missing Authentication Token"
UNREADABLE_BODY = "The request body is not a JSON object"
SESSION_NAMES_DIFFER = "sessionName differs from roleSessionName"
UNKNOWN_OPERATION = "Unknown operation"
MALFORMED_SESSION_POLICY = "The session policy is malformed"
ELSEWHERE_UNREACHABLE = "The service that roles are assumed in did not answer"
PARAMETER_NOT_SUPPORTED = "The local service does not support"
UNREADABLE_TRUST_POLICY = "The trust policy cannot be evaluated"

# When resources are made, changed and listed.
RESOURCE_NOT_FOUND = "Resource not found"
SOURCE_TYPE_UNSUPPORTED = "The source type of the trust anchor is missing or not supported"
SOURCE_DATA_MISSING = "The source data of the trust anchor does not fit its source type"
UNREADABLE_BUNDLE = "x509CertificateData holds no X.509 certificate in PEM"
RESERVED_ALIAS = "Alias names that begin with aws/ are reserved"
ALIAS_IN_USE = "The alias is in use by another resource of the same type"
RESERVED_TAG = "Tag keys that begin with aws: are reserved"
TAG_TWICE = "A tag key is in the list more than once"
TOO_MANY_TAGS = "The resource would have more tags than allowed"
TOO_MANY_TRUST_ANCHORS = "The limit for trust anchors is reached"
TOO_MANY_PROFILES = "The limit for profiles is reached"
TOO_MANY_ROLES = "The profile would have more roles than allowed"
TOO_MANY_CRLS = "The limit for CRLs of a trust anchor is reached"
TOO_MANY_CERTIFICATES = "The bundle has more certificates than allowed"
UNREADABLE_CRL = "crlData is not one X.509 CRL in PEM or DER"
CRL_TOO_LARGE = "crlData has more than 300000 bytes"
CRL_OF_ANOTHER_CA = "The CRL was not signed by a CA of the trust anchor"
CRL_TRUST_ANCHOR_UNKNOWN = "Trust anchor not found"
EVENT_TWICE = "A notification event is in the list more than once"
THRESHOLD_MISSING = "threshold is required for a notification setting that is enabled"
SPECIFIER_UNDEFINED = "The specifier is not defined for the certificate field"
NO_SUCH_SPECIFIER = "The specifier is not in the mapping rules of the certificate field"

TOO_MANY_MAPPING_RULES = "The certificate field would have more mapping rules than allowed"
NOT_ONE_OF_UNION = "{} must have exactly one member"
QUERY_TWICE = "{} is in the query more than once"
UNREADABLE_QUERY = "The query has too many fields"
INVALID_NEXT_TOKEN = "The nextToken is not valid"  # noqa: S105 - a sentence

# When the signature of such a call is verified.
NOT_CURRENT = "Signature expired or not yet current"
WRONG_SCOPE_REGION = "Credential should be scoped to a valid region."

MOST_RECENT_CREDENTIALS = 10
MOST_VIOLATIONS_NAMED = 20
DEFAULT_PAGE_SIZE = 50
GREATEST_PAGE_SIZE = 1000
CONTROL_CALLS_PER_SECOND = 1

UNKNOWN_TRUST_ANCHOR_STATUS = 404
UNKNOWN_TRUST_ANCHOR_CODE = "ResourceNotFoundException"
