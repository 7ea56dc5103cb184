"""The ceremonies (a) to (f) of docs/ceremonies.md, by people who each have a folder of their own and exchange only files.

TENON_BIN_DIR names the folder of the programs.
"""
import json
import os
import subprocess
import tempfile
import unittest

from people import BIN, NEEDS_PERSON, REFUSED, Person, policy_toml

ROOT_PEOPLE = ["alice", "bob", "carol", "dave", "erin"]
NONCE = "00112233445566778899aabbccddeeff"
NO_DRILL = "[keys]\npop_max_age_days = 0\n"


class Ceremony(unittest.TestCase):
    """Five people with root keys, three with targets keys, a coordinator without any."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.base = folder.name
        self.people = {}
        self.custodians = []
        self.coordinator = Person(self.base, "coordinator")

    def person(self, name, organisation="Acme", nonce=NONCE):
        """Somebody makes a key and proves it; the coordinator gets the public half."""
        person = Person(self.base, name)
        keyid = person.generate()
        self.prove(person, nonce)
        self.custodians.append((keyid, name, organisation))
        self.people[name] = person
        return person

    def prove(self, person, nonce=NONCE):
        person.succeed("key", "proof", "--key", f"{person.name}.pem", "--nonce", nonce, "--passphrase-from", "file:pw")
        person.give(self.coordinator, f"{person.name}.tenon-key")

    def policy(self, version, extra=""):
        self.coordinator.write("policy.toml", policy_toml(self.custodians, extra or NO_DRILL))
        self.coordinator.succeed("policy", "build", "policy.toml", "-o", f"policy-{version}.json", "--repository",
                                 "acme-fw", "--version", str(version), "--expires-in", "365d")
        return f"policy-{version}.json"

    def request(self, name, drafts, *more, people=()):
        arguments = ["request", "create", "--repository", "acme-fw", "-o", name, "--nonce", NONCE]
        for draft in drafts:
            arguments += ["--draft", draft]
        for person in people:
            arguments += ["--key-file", f"{person}.tenon-key"]
        return self.coordinator.succeed(*arguments, *more)

    def sign(self, request, names, more=()):
        """Each gets the request, looks, signs, and sends the response back."""
        responses = []
        for name in names:
            person = self.people[name]
            self.coordinator.give(person, request)
            person.succeed("request", "show", request)
            status, seen = person.sign(request, more=more)
            self.assertEqual(status, 0, seen)
            responses.append(request.replace(".tenon-request", f".{name}.tenon-signature"))
            person.give(self.coordinator, responses[-1])
        return responses

    def first_root(self):
        for name in ROOT_PEOPLE:
            self.person(name, "Acme" if name < "c" else "Notary Ltd")
        for name in ("frank", "grace", "heidi"):
            self.person(name)
        self.person("online")
        policy = self.policy(1)
        roles = [word for name in ROOT_PEOPLE for word in ("--root", f"{name}.tenon-key")]
        roles += [word for name in ("frank", "grace", "heidi") for word in ("--targets", f"{name}.tenon-key")]
        self.coordinator.succeed("root", "init", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", "3",
                                 "--targets-threshold", "2", "--snapshot", "online.tenon-key", "--timestamp",
                                 "online.tenon-key", *roles)
        self.request("root-1.tenon-request", ["1.root.draft", policy], "--reason", "the first root of acme-fw",
                     people=[*ROOT_PEOPLE, "frank", "grace", "heidi", "online"])
        responses = self.sign("root-1.tenon-request", ROOT_PEOPLE)
        self.coordinator.succeed("response", "merge", "root-1.tenon-request", *responses)
        self.coordinator.succeed("root", "verify", "1.root.json")


class FirstRoot(Ceremony):
    def test_all_five_sign_and_their_words_are_the_coordinators(self):
        self.first_root()
        root = self.coordinator.read_json("1.root.json")
        self.assertEqual(len(root["signatures"]), 5)
        self.assertEqual(len(self.coordinator.read_json("1.policy.json")["signatures"]), 5)
        codes = set()
        for name in ROOT_PEOPLE:
            shown = self.people[name].as_json("request", "show", "root-1.tenon-request")
            codes.add(shown["safety_code"])
        codes.add(self.coordinator.as_json("audit", "show", "--last", "2")["entries"][0]["data"]["safety_code"])
        self.assertEqual(len(codes), 1)

    def test_two_signatures_of_three_are_not_enough_and_it_says_who_is_missing(self):
        self.first_root()
        os.remove(self.coordinator.path("1.root.json"))
        message = self.coordinator.fail(NEEDS_PERSON, "E_AUTH", "response", "merge", "root-1.tenon-request",
                                        "root-1.alice.tenon-signature", "root-1.bob.tenon-signature",
                                        "root-1.bob.tenon-signature")
        self.assertIn("root 1, by the keys of root: signed by 2, 3 must; missing carol", message)
        self.assertIn("bob", message)
        self.assertIn("counted already", message)
        self.assertFalse(os.path.exists(self.coordinator.path("1.root.json")))

    def test_a_key_without_a_proof_for_this_ceremony_is_refused(self):
        for name in ROOT_PEOPLE:
            self.person(name, "Acme" if name < "c" else "Notary Ltd", nonce="ff" * 16)
        for name in ("frank", "grace", "heidi", "online"):
            self.person(name)
        policy = self.policy(1)
        roles = [word for name in ROOT_PEOPLE for word in ("--root", f"{name}.tenon-key")]
        roles += [word for name in ("frank", "grace", "heidi") for word in ("--targets", f"{name}.tenon-key")]
        self.coordinator.succeed("root", "init", "-o", "1.root.draft", "--expires-in", "365d", "--root-threshold", "3",
                                 "--targets-threshold", "2", "--snapshot", "online.tenon-key", "--timestamp",
                                 "online.tenon-key", *roles)
        message = self.coordinator.fail(
            REFUSED, "E_POLICY", "request", "create", "--repository", "acme-fw", "-o", "r.tenon-request", "--nonce", NONCE,
            "--draft", "1.root.draft", "--draft", policy, "--reason", "first",
            *[word for name in self.people for word in ("--key-file", f"{name}.tenon-key")])
        self.assertIn("P20", message)


class Rotation(Ceremony):
    def rotate(self):
        self.first_root()
        self.person("ivan", "Acme")
        self.custodians = [one for one in self.custodians if one[1] != "bob"]
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "365d")
        self.coordinator.succeed("root", "rotate", "2.root.draft", "--remove", "bob.tenon-key", "--add",
                                 "ivan.tenon-key")
        policy = self.policy(2)
        self.request("root-2.tenon-request", ["2.root.draft", policy], "--reason", "bob left",
                     people=[*ROOT_PEOPLE, "ivan"])

    # Book: KEYT-25
    def test_old_and_new_thresholds_are_met_by_three_people_and_the_new_key(self):
        self.rotate()
        # The new person has no root to judge by yet.
        self.coordinator.give(self.people["ivan"], "root-2.tenon-request", "1.root.json")
        message = self.people["ivan"].fail(REFUSED, "E_POLICY", "request", "show", "root-2.tenon-request")
        self.assertIn("root trust", message)
        status, seen = self.trust(self.people["ivan"])
        self.assertEqual(status, 0, seen)
        responses = self.sign("root-2.tenon-request", ["alice", "carol", "dave", "ivan"])
        shown = self.people["alice"].succeed("request", "show", "root-2.tenon-request")
        self.assertIn("ivan", shown)
        self.assertIn("may no longer sign root", shown)
        self.assertIn("reason given: bob left", shown)
        self.coordinator.succeed("response", "merge", "root-2.tenon-request", *responses)
        self.coordinator.succeed("root", "verify", "2.root.json", "--previous", "1.root.json")

    def trust(self, person):
        from people import Terminal
        return Terminal(person.folder, ["--home", "home", "root", "trust", "1.root.json", "--repository",
                                        "acme-fw"]).answer("Type \"", None)

    def test_the_new_keys_alone_are_not_enough(self):
        self.rotate()
        responses = self.sign("root-2.tenon-request", ["alice", "carol"])
        message = self.coordinator.fail(NEEDS_PERSON, "E_AUTH", "response", "merge", "root-2.tenon-request", *responses)
        self.assertIn("by the keys of the old root: signed by 2, 3 must", message)

    def test_an_undeclared_change_is_refused(self):
        self.first_root()
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "365d")
        self.coordinator.succeed("root", "revoke", "2.root.draft", "--remove", "erin.tenon-key")
        message = self.coordinator.fail(REFUSED, "E_POLICY", "request", "create", "--repository", "acme-fw", "-o",
                                        "r.tenon-request", "--nonce", NONCE, "--draft", "2.root.draft")
        self.assertIn("P24", message)


if __name__ == "__main__":
    unittest.main()
