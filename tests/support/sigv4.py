"""AWS Signature Version 4, for servers and clients of tests, written from its specification and not from ours.

Source: docs.aws.amazon.com, "Create a signed AWS API request" and "Authenticating Requests: Using the Authorization Header".
"""
import hashlib
import hmac
import urllib.parse
import urllib.request
from datetime import datetime, timezone

ALGORITHM = "AWS4-HMAC-SHA256"


def hmac_of(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def canonical_path(raw):
    return urllib.parse.quote(urllib.parse.unquote(raw), safe="/-._~")


def canonical_query(raw):
    pairs = sorted(urllib.parse.parse_qsl(raw, keep_blank_values=True))
    return "&".join(f"{urllib.parse.quote(key, safe='-._~')}={urllib.parse.quote(value, safe='-._~')}" for key, value in pairs)


def signature(method, target, headers, signed, payload, stamp, region, secret):
    """headers: a mapping with lower-case names; signed: their names in order; payload: the hex digest as it was sent."""
    path, _, query = target.partition("?")
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed)
    request = "\n".join([method, canonical_path(path), canonical_query(query), lines, ";".join(signed), payload])
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac_of(key, part)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def ask(method, url, key_id, secret, region="us-east-1", body=b""):
    """One signed request; gives the reply's body. Raises urllib.error.HTTPError."""
    parts = urllib.parse.urlsplit(url)
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    payload = hashlib.sha256(body).hexdigest()
    headers = {"host": parts.netloc, "x-amz-content-sha256": payload, "x-amz-date": stamp}
    signed = sorted(headers)
    target = parts.path + ("?" + parts.query if parts.query else "")
    value = signature(method, target, headers, signed, payload, stamp, region, secret)
    headers["authorization"] = (f"{ALGORITHM} Credential={key_id}/{stamp[:8]}/{region}/s3/aws4_request, "
                                f"SignedHeaders={';'.join(signed)}, Signature={value}")
    request = urllib.request.Request(url, data=body if method in ("PUT", "POST") else None, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return reply.read()
