#!/usr/bin/python3
"""Our canonical JSON is byte for byte that of securesystemslib, for documents made at random from a fixed seed.

securesystemslib is Debian's, so it is there for Debian's Python alone.
"""
import json
import os
import random
import struct
import subprocess
import sys
import unittest

try:
    from securesystemslib.formats import encode_canonical
except ImportError:
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])

PROGRAM = os.path.join(os.environ["TENON_BIN_DIR"], "canonical_json")
DOCUMENTS = 12_000

# Characters that somebody escapes, sorts or normalises in his own way.
ODD = ['"', "\\", "/", "\n", "\r", "\t", "\b", "\f", "\x01", "\x1f", "\x7f", "\x80", "\xa0", "\u2028", "\u2029", "\ufeff",
       "\ue000", "\uffff", "\ufffe", "\U00010000", "\U0010ffff", "\U0001f600", "e\u0301", "\xe9", "\u202e", "Z", "a", "A",
       "_", "0", "9", "10", "u0041", "null", "é"]


def text(rng):
    return "".join(rng.choice(ODD) if rng.random() < 0.6 else chr(rng.choice((rng.randrange(32, 127),
                                                                              rng.randrange(0xa0, 0xd800))))
                   for _ in range(rng.randrange(6)))


def integer(rng):
    return rng.choice((0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -2**63, rng.randrange(-2**63, 2**63)))


def value(rng, depth):
    kind = rng.randrange(8 if depth else 5)
    if kind == 0:
        return rng.choice((None, True, False))
    if kind == 1:
        return integer(rng)
    if kind < 5:
        return text(rng)
    if kind == 5:
        return [value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return {text(rng): value(rng, depth - 1) for _ in range(rng.randrange(7))}


def written(rng, document):
    """The document as some writer would have written it."""
    return json.dumps(document, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1, 4)),
                      separators=rng.choice((None, (",", ":"), (" , ", " : ")))).encode()


def ours(texts):
    stream = b"".join(struct.pack(">I", len(one)) + one for one in texts)
    out = subprocess.run([PROGRAM], input=stream, capture_output=True, check=True).stdout
    documents = []
    while out:
        (length,) = struct.unpack(">I", out[:4])
        documents.append(out[4:4 + length])
        out = out[4 + length:]
    return documents


class CanonicalJson(unittest.TestCase):
    # Book: JSON-10
    def test_is_that_of_securesystemslib_for_twelve_thousand_documents(self):
        rng = random.Random(20261101)
        documents = [value(rng, 5) for _ in range(DOCUMENTS)]
        self.assertGreater(len({json.dumps(one, sort_keys=True) for one in documents}), 7_000)
        self.compare(documents, rng)

    # Book: JSON-10
    def test_sorts_names_by_code_point(self):
        names = ["", "Z", "a", "_", "\uffff", "\U00010000", "\ue000", '"', "\\", "10", "9", "é", "e\u0301", " ", "\x7f",
                 "\x01"]
        rng = random.Random(1)
        documents = []
        for _ in range(1_000):
            rng.shuffle(names)
            documents.append({name: 1 for name in names})
        self.compare(documents, rng)

    def compare(self, documents, rng):
        results = ours([written(rng, one) for one in documents])
        self.assertEqual(len(results), len(documents))
        for document, result in zip(documents, results):
            self.assertEqual(result, encode_canonical(document).encode(), document)


if __name__ == "__main__":
    unittest.main()
