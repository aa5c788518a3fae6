"""The condition operators of policies: what each makes of values, of several values, and of none."""

from __future__ import annotations

from typing import Any

import pytest

from rolesanywhere_signer import ConfigurationError
from rolesanywhere_signer.testing.policy_conditions import parse_conditions
from rolesanywhere_signer.testing.policy_patterns import Context

CN = "aws:PrincipalTag/x509Subject/CN"
ARN = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a:b"
CONTEXT = Context(
    {
        CN: "Alice",
        "aws:PrincipalTag/x509Subject/OU": "Security/Engineering",
        "aws:PrincipalTag/x509Issuer/CN": "Alice",
        "aws:PrincipalTag/star": "A*",
        "aws:SourceArn": ARN,
        "aws:SourceAccount": "123456789012",
        "aws:TagKeys": ["x509Subject/CN", "x509Subject/OU"],
        "aws:CurrentTime": "2030-01-31T12:00:00Z",
        "aws:EpochTime": "1896091200",
        "aws:SourceIp": "192.0.2.5",
        "aws:SecureTransport": "true",
        "test:Binary": "AQID",
        "test:Empty": "",
        "test:Number": "10",
        "test:NoNumber": "ten",
    }
)


def holds(operator: str, key: str, value: Any, *, variables: bool = True) -> bool:
    [condition] = parse_conditions({operator: {key: value}}, "Condition", variables=variables)
    return condition.holds(CONTEXT)


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("StringEquals", CN, "Alice", True),
        ("StringEquals", CN, "alice", False),
        ("StringEquals", CN, ["Bob", "Alice"], True),
        ("StringEquals", CN, "A*", False),
        ("StringEquals", CN.upper(), "Alice", True),
        ("StringEquals", "aws:PrincipalTag/star", "A*", True),
        ("StringEquals", "test:Empty", "", True),
        ("StringEquals", "aws:SourceAccount", 123456789012, True),
        ("StringNotEquals", CN, "Bob", True),
        ("StringNotEquals", CN, ["Bob", "Alice"], False),
        ("StringEqualsIgnoreCase", CN, "aLICE", True),
        ("StringEqualsIgnoreCase", CN, "Al", False),
        ("StringNotEqualsIgnoreCase", CN, "aLICE", False),
        ("StringNotEqualsIgnoreCase", CN, "Bob", True),
        ("StringLike", CN, "Al*", True),
        ("StringLike", CN, "*", True),
        ("StringLike", CN, "A?ice", True),
        ("StringLike", CN, "?", False),
        ("StringLike", CN, "Alice*", True),
        ("StringLike", CN, "Alice?", False),
        ("StringLike", CN, "al*", False),
        ("StringLike", CN, "*l*c*", True),
        ("StringLike", CN, "*x*", False),
        ("StringLike", CN, "A.*", False),
        ("StringLike", "aws:PrincipalTag/x509Subject/OU", "*/Engineering", True),
        ("StringLike", "aws:PrincipalTag/star", "${*}", False),
        ("StringLike", "aws:PrincipalTag/star", "A${*}", True),
        ("StringLike", CN, "A${*}", False),
        ("StringNotLike", CN, "Al*", False),
        ("StringNotLike", CN, ["B*", "C*"], True),
        ("ArnEquals", "aws:SourceArn", ARN, True),
        ("ArnEquals", "aws:SourceArn", ARN[:-1], False),
        ("ArnEquals", "aws:SourceArn", "arn:aws:rolesanywhere:*:123456789012:trust-anchor/*", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:rolesanywhere:us-east-?:*:*", True),
        ("ArnLike", "aws:SourceArn", "arn:aws:*:123456789012:trust-anchor/a:b", False),
        ("ArnLike", "aws:SourceArn", "arn:*", False),
        ("ArnLike", "aws:SourceArn", "*", False),
        ("ArnLike", CN, "arn:aws:iam::1:x", False),
        ("ArnNotEquals", "aws:SourceArn", ARN, False),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:rolesanywhere:*:*:profile/*", True),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", "True", True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("Bool", CN, "true", False),
        ("NumericEquals", "test:Number", "10.0", True),
        ("NumericEquals", "test:Number", [1, 10], True),
        ("NumericNotEquals", "test:Number", 10, False),
        ("NumericNotEquals", "test:NoNumber", 10, True),
        ("NumericLessThan", "test:Number", 10, False),
        ("NumericLessThan", "test:Number", 10.5, True),
        ("NumericLessThanEquals", "test:Number", "10", True),
        ("NumericGreaterThan", "test:Number", "-1e1", True),
        ("NumericGreaterThanEquals", "test:Number", 11, False),
        ("NumericEquals", "test:NoNumber", 10, False),
        ("DateEquals", "aws:CurrentTime", "2030-01-31T12:00:00Z", True),
        ("DateEquals", "aws:CurrentTime", "2030-01-31T21:00:00+09:00", True),
        ("DateEquals", "aws:CurrentTime", "1896091200", True),
        ("DateEquals", "aws:EpochTime", "2030-01-31T12:00:00Z", True),
        ("DateNotEquals", "aws:CurrentTime", "2030-01-31", True),
        ("DateLessThan", "aws:CurrentTime", "2030-02-01", True),
        ("DateLessThan", "aws:CurrentTime", "2030-01-31", False),
        ("DateLessThanEquals", "aws:CurrentTime", "2030-01-31T12:00:00Z", True),
        ("DateGreaterThan", "aws:CurrentTime", "2030-01-01T00:00:00Z", True),
        ("DateGreaterThanEquals", "aws:CurrentTime", "2031-01-01T00:00:00Z", False),
        ("IpAddress", "aws:SourceIp", "192.0.2.0/24", True),
        ("IpAddress", "aws:SourceIp", ["198.51.100.1", "192.0.2.5"], True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", False),
        ("NotIpAddress", "aws:SourceIp", "192.0.2.0/24", False),
        ("NotIpAddress", "aws:SourceIp", "198.51.100.0/24", True),
        ("BinaryEquals", "test:Binary", "AQID", True),
        ("BinaryEquals", "test:Binary", "AQIE", False),
        ("BinaryEquals", CN, "AQIE", False),
    ],
)
def test_each_operator(operator: str, key: str, value: Any, expected: bool) -> None:
    assert holds(operator, key, value) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("StringEquals", "Alice", False),
        ("StringEqualsIfExists", "Alice", True),
        ("StringEqualsIgnoreCase", "", False),
        ("StringNotEquals", "Alice", True),
        ("StringNotEqualsIfExists", "Alice", True),
        ("StringNotEqualsIgnoreCase", "Alice", True),
        ("StringLike", "*", False),
        ("StringNotLike", "*", True),
        ("ArnEquals", ARN, False),
        ("ArnNotEquals", ARN, True),
        ("Bool", "false", False),
        ("BoolIfExists", "false", True),
        ("NumericLessThan", 5, False),
        ("NumericNotEquals", 5, True),
        ("DateLessThan", "2030-01-01", False),
        ("DateNotEquals", "2030-01-01", True),
        ("IpAddress", "0.0.0.0/0", False),
        ("NotIpAddress", "0.0.0.0/0", True),
        ("BinaryEquals", "", False),
        ("Null", "true", True),
        ("Null", True, True),
        ("Null", "false", False),
        ("Null", ["true", "false"], True),
        ("ForAnyValue:StringEquals", "Alice", False),
        ("ForAnyValue:StringNotEquals", "Alice", False),
        ("ForAnyValue:StringEqualsIfExists", "Alice", True),
        ("ForAllValues:StringEquals", "Alice", True),
        ("ForAllValues:StringNotLike", "*", True),
    ],
)
def test_a_key_that_the_request_does_not_have(operator: str, value: Any, expected: bool) -> None:
    assert holds(operator, "aws:PrincipalTag/x509SAN/DNS", value) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("Null", "true", False),
        ("Null", "false", True),
        ("StringEqualsIfExists", "Bob", False),
        ("StringNotEqualsIfExists", "Alice", False),
        ("StringLikeIfExists", "A*", True),
    ],
)
def test_a_key_that_it_has(operator: str, value: Any, expected: bool) -> None:
    assert holds(operator, CN, value) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("ForAllValues:StringEquals", ["x509Subject/CN", "x509Subject/OU", "x509Subject/O"], True),
        ("ForAllValues:StringEquals", ["x509Subject/CN"], False),
        ("ForAllValues:StringLike", "x509Subject/*", True),
        ("ForAllValues:StringNotEquals", "x509Subject/O", True),
        ("ForAllValues:StringNotEquals", "x509Subject/CN", False),
        ("ForAnyValue:StringEquals", ["x509Subject/CN", "none"], True),
        ("ForAnyValue:StringEquals", "none", False),
        ("ForAnyValue:StringEqualsIgnoreCase", "X509SUBJECT/cn", True),
        ("ForAnyValue:StringNotEquals", "x509Subject/CN", True),
        ("ForAnyValue:StringNotLike", "x509*", False),
        ("StringEquals", "x509Subject/OU", True),
        ("StringNotEquals", "x509Subject/OU", False),
    ],
)
def test_a_key_with_several_values(operator: str, value: Any, expected: bool) -> None:
    assert holds(operator, "aws:TagKeys", value) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("StringEquals", "${aws:PrincipalTag/x509Issuer/CN}", True),
        ("StringEquals", "${AWS:principaltag/X509ISSUER/cn}", True),
        ("StringEquals", "x${aws:PrincipalTag/x509Issuer/CN}", False),
        ("StringLike", "${aws:PrincipalTag/x509Issuer/CN}*", True),
        # What a variable stands for holds no wildcards.
        ("StringLike", "${aws:PrincipalTag/star}", False),
        ("StringNotLike", "${aws:PrincipalTag/star}", True),
        ("StringEquals", "${aws:PrincipalTag/none, 'Alice'}", True),
        ("StringEquals", "${aws:PrincipalTag/none,'Ali'}ce", True),
        ("StringEquals", "${aws:PrincipalTag/x509Subject/OU, 'Alice'}", False),
        # Without a value the condition fails, whatever the operator.
        ("StringEquals", "${aws:PrincipalTag/none}", False),
        ("StringNotEquals", "${aws:PrincipalTag/none}", False),
        ("StringNotEquals", ["Bob", "${aws:PrincipalTag/none}"], False),
        ("StringEqualsIfExists", "${aws:PrincipalTag/none}", False),
        # One of several values would be arbitrary.
        ("StringEquals", "${aws:TagKeys}", False),
    ],
)
def test_variables(operator: str, value: Any, expected: bool) -> None:
    assert holds(operator, CN, value) is expected


def test_a_quote_in_a_default() -> None:
    assert not holds("StringEquals", CN, "${a:b, 'it''s'}")
    [condition] = parse_conditions({"StringEquals": {"k:k": "${a:b, 'it''s'}"}}, "Condition", variables=True)
    assert condition.holds(Context({"k:k": "it's"}))


def test_version_2008_has_no_variables() -> None:
    [condition] = parse_conditions({"StringEquals": {"k:k": "${a:b"}}, "Condition", variables=False)
    assert condition.holds(Context({"k:k": "${a:b"}))


@pytest.mark.parametrize(
    ("block", "where"),
    [
        ([], "Condition must be an object"),
        ("x", "Condition must be an object"),
        ({"StringEqual": {"a:b": "c"}}, "Condition.StringEqual: there is no such condition operator"),
        ({"stringequals": {"a:b": "c"}}, "Condition.stringequals: there is no"),
        ({"ForSomeValues:StringEquals": {"a:b": "c"}}, "Condition.ForSomeValues:StringEquals: there is no"),
        ({"NullIfExists": {"a:b": "true"}}, "Condition.NullIfExists: there is no"),
        ({"ForAllValues:Null": {"a:b": "true"}}, "Condition.ForAllValues:Null: there is no"),
        ({"IfExists": {"a:b": "true"}}, "Condition.IfExists: there is no"),
        ({"StringEquals": "a"}, "Condition.StringEquals must be an object"),
        ({"StringEquals": {"": "a"}}, "Condition.StringEquals must be an object"),
        ({"StringEquals": {"a:b": None}}, "Condition.StringEquals.a:b must be a text"),
        ({"StringEquals": {"a:b": {}}}, "Condition.StringEquals.a:b must be a text"),
        ({"StringEquals": {"a:b": [["c"]]}}, "Condition.StringEquals.a:b must be a text"),
        ({"StringEquals": {"a:b": []}}, "Condition.StringEquals.a:b has no value"),
        ({"StringLike": {"a:b": "${"}}, r"the variable in '\${' does not end"),
        ({"StringLike": {"a:b": "${}"}}, "'' is not a policy variable"),
        ({"StringLike": {"a:b": "${a b}"}}, "'a b' is not a policy variable"),
        ({"StringLike": {"a:b": "${a:b, c}"}}, "'a:b, c' is not a policy variable"),
        ({"Bool": {"a:b": "yes"}}, "'yes' cannot be compared: true or false is expected"),
        ({"Null": {"a:b": "1"}}, "'1' cannot be compared"),
        ({"NumericEquals": {"a:b": "x"}}, "'x' cannot be compared: a number is expected"),
        ({"NumericEquals": {"a:b": "NaN"}}, "a number is expected"),
        ({"NumericEquals": {"a:b": "1e999999999"}}, "a number is expected"),
        ({"DateLessThan": {"a:b": "tomorrow"}}, "a date is expected"),
        ({"DateLessThan": {"a:b": "9" * 5000}}, "a date is expected"),
        ({"IpAddress": {"a:b": "example.com"}}, "'example.com' cannot be compared"),
        ({"BinaryEquals": {"a:b": "?"}}, "base64 is expected"),
    ],
)
def test_what_is_refused(block: Any, where: str) -> None:
    with pytest.raises(ConfigurationError, match=where):
        parse_conditions(block, "Condition", variables=True)


def test_wildcards_on_purpose_take_bounded_time() -> None:
    context = Context({"a:b": "a" * 1000})
    [condition] = parse_conditions({"StringLike": {"a:b": "*a" * 100 + "b"}}, "Condition", variables=True)
    assert not condition.holds(context)
