"""lab_root: a root signed as every root is, by request, under the policy for labs. For whoever needs one and tells no story
about it: tests, and the checks with other projects' programs.
"""
import json
from pathlib import Path

LAB_POLICY = Path(__file__).resolve().parents[2] / "policies/lab.toml"


def sign_root(keyctl, folder, keys, *options):
    """Makes FOLDER/1.root.draft into FOLDER/1.root.json and 1.policy.json. keyctl runs tenon-keyctl with the words given,
    and gives what it printed; keys are the private keys that sign; options say where passphrases and PINs come from."""
    folder = Path(folder)
    request = folder / "root-1.tenon-request"
    response = folder / "root-1.tenon-signature"
    keyctl("policy", "build", LAB_POLICY, "-o", folder / "policy.draft", "--repository", "demo", "--expires-in", "365d")
    keyctl("request", "create", "--repository", "demo", "-o", request, "--draft", folder / "1.root.draft", "--draft",
           folder / "policy.draft")
    keyctl("request", "sign", request, "-o", response, *[word for key in keys for word in ("--key", key)],
           *expected_payloads(keyctl, request), *options)
    keyctl("response", "merge", request, response, "--out", folder)


def expected_payloads(keyctl, request):
    """The words by which a script says what it signs: one digest for each document that the request shows."""
    documents = json.loads(keyctl("--json", "request", "show", request))["documents"]
    return [word for one in documents for word in ("--expect-payload-sha256", one["payload_sha256"])]
