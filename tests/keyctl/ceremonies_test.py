"""The ceremonies (a) to (f) of docs/ceremonies.md, by people who each have a folder of their own and exchange only files.

TENON_BIN_DIR names the folder of the programs.
"""
import glob
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from people import NEEDS_PERSON, REFUSED, UNVERIFIED, Person, Terminal, policy_toml

ROOT_PEOPLE = ["alice", "bob", "carol", "dave", "erin"]
TARGETS_PEOPLE = ["frank", "grace", "heidi"]
DELEGATES = ["judy", "mike"]
ORGANISATIONS = {"carol": "Notary Ltd", "dave": "Notary Ltd", "erin": "Notary Ltd"}
NONCE = "00112233445566778899aabbccddeeff"
NO_DRILL = "[keys]\npop_max_age_days = 0\n"


class Ceremony(unittest.TestCase):
    """Five people with root keys, three with targets keys, two of a later delegation, a coordinator without any key."""

    first = None  # the folder after the first root, made once

    @classmethod
    def setUpClass(cls):
        if Ceremony.first is None:
            Ceremony.first = tempfile.TemporaryDirectory()
            cls("first_root").make_first_root(Ceremony.first.name)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.enter(os.path.join(folder.name, "all"), self.first.name)

    def enter(self, base, copy_of=None):
        if copy_of:
            shutil.copytree(copy_of, base)
        self.base = base
        self.people = {}
        self.custodians = []
        self.coordinator = Person(self.base, "coordinator")
        for name in sorted(os.listdir(self.base)):
            if name != "coordinator":
                self.remember(Person(self.base, name))

    def remember(self, person):
        self.people[person.name] = person
        keyid = person.read_json(f"{person.name}.tenon-key")["keyid"]
        self.custodians.append((keyid, person.name, ORGANISATIONS.get(person.name, "Acme")))
        return person

    def person(self, name, nonce=NONCE):
        """Somebody makes a key and proves it; the coordinator gets the public half."""
        person = Person(self.base, name)
        person.generate()
        self.prove(person, nonce)
        return self.remember(person)

    def prove(self, person, nonce=NONCE, key=None):
        key = key or person.name
        person.succeed("key", "proof", "--key", f"{key}.pem", "--nonce", nonce, "--passphrase-from", "file:pw")
        person.give(self.coordinator, f"{key}.tenon-key")

    def policy(self, version, extra=NO_DRILL):
        self.coordinator.write("policy.toml", policy_toml(self.custodians, extra))
        self.coordinator.succeed("policy", "build", "policy.toml", "-o", f"policy-{version}.json", "--repository",
                                 "acme-fw", "--version", str(version), "--expires-in", "365d", "--force")
        return f"policy-{version}.json"

    def create(self, name, drafts, *more, people=()):
        arguments = ["request", "create", "--repository", "acme-fw", "-o", name, "--nonce", NONCE]
        for draft in drafts:
            arguments += ["--draft", draft]
        for person in people:
            arguments += ["--key-file", f"{person}.tenon-key"]
        return [*arguments, *more]

    def request(self, *arguments, **options):
        return self.coordinator.succeed(*self.create(*arguments, **options))

    def refused(self, *arguments, **options):
        return self.coordinator.fail(REFUSED, "E_POLICY", *self.create(*arguments, **options))

    def sign(self, request, names, more=(), keys=""):
        """Each gets the request, looks, signs, and sends the response back."""
        responses = []
        for name in names:
            person = self.people[name]
            self.coordinator.give(person, request)
            person.succeed("request", "show", request)
            status, seen = person.sign(request, f"{name}{keys}.pem", more=more)
            self.assertEqual(status, 0, seen)
            responses.append(request.replace(".tenon-request", f".{name}{keys}.tenon-signature"))
            person.give(self.coordinator, responses[-1])
        return responses

    def merge(self, request, responses, status=0):
        return self.coordinator.succeed("response", "merge", request, *responses, status=status)

    def trust_root(self, name, root="1.root.json"):
        """Somebody who has never signed a root compares it once."""
        self.coordinator.give(self.people[name], root)
        terminal = Terminal(self.people[name].folder, ["--home", "home", "root", "trust", root, "--repository", "acme-fw"])
        status, seen = terminal.answer()
        self.assertEqual(status, 0, seen)

    def draft_first_root(self, file="1.root.draft", expires_in="365d", *more, keys=""):
        roles = [word for name in ROOT_PEOPLE for word in ("--root", f"{name}{keys}.tenon-key")]
        roles += [word for name in TARGETS_PEOPLE for word in ("--targets", f"{name}{keys}.tenon-key")]
        self.coordinator.succeed("root", "init", "-o", file, "--expires-in", expires_in, "--root-threshold", "3",
                                 "--targets-threshold", "2", "--snapshot", f"online{keys}.tenon-key", "--timestamp",
                                 f"online{keys}.tenon-key", "--force", *roles, *more)

    def make_first_root(self, base):
        self.enter(base)
        for name in (*ROOT_PEOPLE, *TARGETS_PEOPLE, *DELEGATES, "online"):
            self.person(name)
        self.draft_first_root()
        self.request("root-1.tenon-request", ["1.root.draft", self.policy(1)], "--reason", "the first root of acme-fw",
                     people=[*ROOT_PEOPLE, *TARGETS_PEOPLE, "online"])
        self.merge("root-1.tenon-request", self.sign("root-1.tenon-request", ROOT_PEOPLE))

    def first_root(self):
        """Only a name for setUpClass to make an instance with."""


class FirstRoot(Ceremony):
    """(a)"""

    def test_all_five_sign_and_their_words_are_the_coordinators(self):
        self.coordinator.succeed("root", "verify", "1.root.json")
        self.assertEqual(len(self.coordinator.read_json("1.root.json")["signatures"]), 5)
        self.assertEqual(len(self.coordinator.read_json("1.policy.json")["signatures"]), 5)
        codes = {self.people[name].as_json("request", "show", "root-1.tenon-request")["safety_code"]
                 for name in ROOT_PEOPLE}
        log = self.coordinator.as_json("audit", "show")["entries"]
        codes |= {entry["data"]["safety_code"] for entry in log if entry["event"] == "requested"}
        self.assertEqual(len(codes), 1)

    def rehearse(self, keys):
        """All five sign a root that is marked, with other keys than those that will count."""
        meant, self.custodians = self.custodians, []
        for name in (*ROOT_PEOPLE, *TARGETS_PEOPLE, "online"):
            keyid = self.people[name].generate(f"{name}{keys}")
            self.prove(self.people[name], key=f"{name}{keys}")
            self.custodians.append((keyid, name, ORGANISATIONS.get(name, "Acme")))
        self.draft_first_root("rehearsed.draft", "20h", "--rehearsal", keys=keys)
        self.coordinator.write("rehearsed.toml", policy_toml(self.custodians, NO_DRILL))
        self.coordinator.succeed("policy", "build", "rehearsed.toml", "-o", "rehearsed.json", "--repository", "acme-fw",
                                 "--expires-in", "20h", "--force")
        self.request("rehearsal.tenon-request", ["rehearsed.draft", "rehearsed.json"], "--reason", "to learn it",
                     "--rehearsal", people=[name + keys for name in (*ROOT_PEOPLE, *TARGETS_PEOPLE, "online")])
        self.merge("rehearsal.tenon-request", self.sign("rehearsal.tenon-request", ROOT_PEOPLE, keys=keys))
        verified = self.coordinator.succeed("root", "verify", "1.root.json")
        self.assertTrue(verified.endswith("REHEARSAL: not for devices\n"), verified)
        for name in ("1.root.json", "1.policy.json"):
            os.remove(self.coordinator.path(name))
        for person in (self.coordinator, *self.people.values()):
            for file in glob.glob("*rehearsal.*", root_dir=person.folder):
                os.remove(person.path(file))
        self.custodians = meant

    def refuse_to_mix_keys(self):
        """What comes of a rehearsal would count with the signature of a key that counts."""
        alice = self.people["alice"]
        self.coordinator.give(alice, "1.policy.json")
        with self.subTest("a key that counts, in a rehearsal"):
            self.draft_first_root("mixed.draft", "20h", "--rehearsal")
            self.coordinator.succeed("policy", "build", "policy.toml", "-o", "mixed.json", "--repository", "acme-fw",
                                     "--expires-in", "20h", "--force")
            self.request("mixed.tenon-request", ["mixed.draft", "mixed.json"], "--reason", "to deceive", "--rehearsal",
                         people=[*ROOT_PEOPLE, *TARGETS_PEOPLE, "online"])
            self.coordinator.give(alice, "mixed.tenon-request")
            refused = alice.fail(REFUSED, "E_POLICY", "request", "sign", "mixed.tenon-request", "--key", "alice.pem",
                                 "--passphrase-from", "file:pw")
            self.assertIn("signs no rehearsal", refused)
        self.assertFalse(os.path.exists(alice.path("mixed.alice.tenon-signature")))

    # Book: KEYT-08
    def test_what_was_rehearsed_is_no_part_of_what_is_meant(self):
        with tempfile.TemporaryDirectory() as base:
            self.enter(base)
            for name in (*ROOT_PEOPLE, *TARGETS_PEOPLE, "online"):
                self.person(name)
            self.rehearse("-try")
            self.rehearse("-again")
            self.draft_first_root()
            self.policy(1)
            self.request("root-1.tenon-request", ["1.root.draft", "policy-1.json"], "--reason", "the first root of acme-fw",
                         people=[*ROOT_PEOPLE, *TARGETS_PEOPLE, "online"])
            self.merge("root-1.tenon-request", self.sign("root-1.tenon-request", ROOT_PEOPLE))
            self.assertNotIn("REHEARSAL", self.coordinator.succeed("root", "verify", "1.root.json"))
            self.refuse_to_mix_keys()
            minutes = self.people["alice"].succeed("ceremony", "minutes", "--repository", "acme-fw", "--since",
                                                   "2026-01-01T00:00:00Z")
            self.assertIn('"rehearsal":true', minutes)

    # Book: KEYT-22
    def test_two_signatures_of_three_are_not_enough_and_it_says_who_is_missing(self):
        os.remove(self.coordinator.path("1.root.json"))
        text = self.merge("root-1.tenon-request", ["root-1.alice.tenon-signature", "root-1.bob.tenon-signature",
                                                   "root-1.bob.tenon-signature"], NEEDS_PERSON)
        self.assertIn("root 1, by the keys of root: signed by 2, 3 must; missing carol", text)
        self.assertIn("counted already", text)
        self.assertFalse(os.path.exists(self.coordinator.path("1.root.json")))

    def test_merging_again_gives_the_same_file(self):
        before = self.coordinator.read_json("1.root.json")
        os.remove(self.coordinator.path("1.root.json"))
        self.merge("root-1.tenon-request", [f"root-1.{name}.tenon-signature" for name in ROOT_PEOPLE])
        self.assertEqual(self.coordinator.read_json("1.root.json"), before)

    def test_merging_fewer_signatures_loses_none_and_another_draft_takes_no_place(self):
        before = self.coordinator.read_json("1.root.json")
        self.merge("root-1.tenon-request", [f"root-1.{name}.tenon-signature" for name in ("alice", "bob", "carol")])
        after = self.coordinator.read_json("1.root.json")
        self.assertEqual(sorted(one["keyid"] for one in after["signatures"]),
                         sorted(one["keyid"] for one in before["signatures"]))
        before["signed"]["expires"] = "2031-01-01T00:00:00Z"
        self.coordinator.write("1.root.json", json.dumps(before))
        responses = [f"root-1.{name}.tenon-signature" for name in ROOT_PEOPLE]
        message = self.coordinator.fail(REFUSED, "E_POLICY", "response", "merge", "root-1.tenon-request", *responses)
        self.assertIn("another version 1 is there already", message)
        self.assertEqual(self.coordinator.read_json("1.root.json"), before)

    def test_a_key_without_a_proof_for_this_ceremony_is_refused(self):
        self.prove(self.people["dave"], "ff" * 16)
        shutil.rmtree(self.coordinator.path("home"))
        message = self.refused("r.tenon-request", ["1.root.draft", "policy-1.json"], "--reason", "first",
                               people=[*ROOT_PEOPLE, *TARGETS_PEOPLE, "online"])
        self.assertIn("P20", message)
        self.assertIn("a proof for another one", message)

    def test_without_a_policy_nothing_is_asked_for(self):
        shutil.rmtree(self.coordinator.path("home"))
        self.assertIn("no policy in force", self.refused("r.tenon-request", ["1.root.draft"], "--reason", "first"))

    # Book: KEYT-08
    def test_the_words_must_be_typed_exactly(self):
        shutil.rmtree(self.people["alice"].path("home"))
        status, seen = self.people["alice"].sign("root-1.tenon-request", typed="y")
        self.assertEqual(status, NEEDS_PERSON, seen)
        self.assertIn("nothing was done", seen)

    # Book: KEYT-02
    def test_another_root_of_a_version_that_was_signed_is_refused(self):
        shutil.rmtree(self.coordinator.path("home"))
        self.coordinator.succeed("root", "expire", "1.root.draft", "--expires-in", "300d")
        self.request("other.tenon-request", ["1.root.draft", "policy-1.json"], "--reason", "another one",
                     people=[*ROOT_PEOPLE, *TARGETS_PEOPLE, "online"])
        self.coordinator.give(self.people["alice"], "other.tenon-request")
        alice = self.people["alice"]
        self.assertIn("was signed here already",
                      alice.fail(UNVERIFIED, "E_ROLLBACK", "request", "show", "other.tenon-request"))
        alice.succeed("request", "forget", "--repository", "acme-fw", "--role", "root", "--reason", "all gave it up")
        alice.succeed("request", "show", "other.tenon-request")

    # Book: KEYT-14
    def test_a_response_overwrites_no_file_but_an_older_response(self):
        alice = self.people["alice"]
        message = alice.fail(REFUSED, "E_POLICY", "request", "sign", "root-1.tenon-request", "--key", "alice.pem",
                             "--passphrase-from", "file:pw", "-o", "alice.pem")
        self.assertIn("is no response", message)
        status, seen = alice.sign("root-1.tenon-request")
        self.assertEqual(status, 0, seen)

    def test_a_stranger_may_sign_nothing(self):
        self.people["ivan"] = Person(self.base, "ivan")
        self.people["ivan"].generate()
        self.coordinator.give(self.people["ivan"], "root-1.tenon-request")
        terminal = self.people["ivan"].fail(REFUSED, "E_POLICY", "request", "sign", "root-1.tenon-request", "--key",
                                            "ivan.pem", "--passphrase-from", "file:pw")
        self.assertIn("may sign nothing of this request", terminal)

    def test_a_script_may_not_sign_unless_the_policy_says_so(self):
        payloads = [one["payload_sha256"] for one in
                    self.people["alice"].as_json("request", "show", "root-1.tenon-request")["documents"]]
        message = self.people["alice"].fail(
            REFUSED, "E_POLICY", "request", "sign", "root-1.tenon-request", "--key", "alice.pem", "--passphrase-from",
            "file:pw", *[word for payload in payloads for word in ("--expect-payload-sha256", payload)])
        self.assertIn("P36", message)

    # A root-sized request fits one QR code, read back by another program.
    def test_a_request_and_a_response_go_over_as_a_qr_code(self):
        for kind, name in (("request", "root-1.tenon-request"), ("response", "root-1.alice.tenon-signature")):
            lines = self.coordinator.as_json(kind, "show", "--qr", name)["codes"]
            if kind == "response":
                self.assertEqual(len(lines), 1)
            drawn = self.coordinator.succeed(kind, "show", "--qr", name)
            read = [scan(code) for code in drawn.split("code ")[1:]]
            self.assertEqual(read, lines)
            self.coordinator.write("scanned", "\n".join(read) + "\n")
            if kind == "request":
                again = self.people["alice"]
                self.coordinator.give(again, "scanned")
                self.assertEqual(again.as_json("request", "show", "scanned")["request"],
                                 again.as_json("request", "show", name)["request"])
            else:
                self.assertEqual(self.coordinator.as_json("response", "show", "scanned"),
                                 self.coordinator.as_json("response", "show", name))


class Rotation(Ceremony):
    """(b) and (c)"""

    def rotate(self):
        self.person("ivan")
        self.custodians = [one for one in self.custodians if one[1] != "bob"]
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "365d")
        self.coordinator.succeed("root", "rotate", "2.root.draft", "--remove", "bob.tenon-key", "--add",
                                 "ivan.tenon-key")
        self.request("root-2.tenon-request", ["2.root.draft", self.policy(2)], "--reason", "bob left",
                     people=[*ROOT_PEOPLE, "ivan"])

    # Book: KEYT-25
    def test_old_and_new_thresholds_are_met_by_three_people_and_the_new_key(self):
        self.rotate()
        # The new person has no root to judge by yet.
        self.coordinator.give(self.people["ivan"], "root-2.tenon-request")
        message = self.people["ivan"].fail(REFUSED, "E_POLICY", "request", "show", "root-2.tenon-request")
        self.assertIn("root trust", message)
        self.trust_root("ivan")
        responses = self.sign("root-2.tenon-request", ["alice", "carol", "dave", "ivan"])
        shown = self.people["alice"].succeed("request", "show", "root-2.tenon-request")
        self.assertIn("ivan", shown)
        self.assertIn("may no longer sign root", shown)
        self.assertIn("reason given: bob left", shown)
        self.assertIn(f"over nonce {NONCE}", shown)
        self.merge("root-2.tenon-request", responses)
        self.coordinator.succeed("root", "verify", "2.root.json", "--previous", "1.root.json")

    def test_the_old_threshold_is_not_met_by_two(self):
        self.rotate()
        responses = self.sign("root-2.tenon-request", ["alice", "carol"])
        self.assertIn("by the keys of the old root: signed by 2, 3 must", self.merge("root-2.tenon-request", responses, NEEDS_PERSON))

    def test_the_same_person_signs_with_the_old_token_and_the_new_one(self):
        carol = self.people["carol"]
        carol.generate("carol2")
        carol.succeed("key", "proof", "--key", "carol2.pem", "--nonce", NONCE, "--passphrase-from", "file:pw")
        carol.give(self.coordinator, "carol2.tenon-key")
        keyid = carol.read_json("carol2.tenon-key")["keyid"]
        self.custodians = [one for one in self.custodians if one[1] != "carol"] + [(keyid, "carol", "Notary Ltd")]
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "365d")
        self.coordinator.succeed("root", "rotate", "2.root.draft", "--remove", "carol.tenon-key", "--add",
                                 "carol2.tenon-key")
        self.request("root-2.tenon-request", ["2.root.draft", self.policy(2)], "--reason", "carol has a new token",
                     people=[*ROOT_PEOPLE, "carol2"])
        self.coordinator.give(carol, "root-2.tenon-request")
        status, seen = carol.sign("root-2.tenon-request", "carol.pem", "carol2.pem")
        self.assertEqual(status, 0, seen)
        self.assertRegex(seen, r"root 2 with carol.pem, key \w+, for the old root\n")
        self.assertRegex(seen, r"root 2 with carol2.pem, key \w+, for the new root\n")
        carol.give(self.coordinator, "root-2.carol.tenon-signature")
        responses = self.sign("root-2.tenon-request", ["alice", "dave"])
        self.merge("root-2.tenon-request", [*responses, "root-2.carol.tenon-signature"])
        self.coordinator.succeed("root", "verify", "2.root.json", "--previous", "1.root.json")

    def test_a_lost_key_that_nobody_replaces_is_refused(self):
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "365d")
        self.coordinator.succeed("root", "revoke", "2.root.draft", "--remove", "erin.tenon-key")
        self.assertIn("P01", self.refused("r.tenon-request", ["2.root.draft"], "--reason", "erin lost it"))

    def test_it_is_known_who_has_not_proved_a_key_lately(self):
        files = [f"{name}.tenon-key" for name in self.people if name != "bob"]
        self.policy(2, "")
        text = self.coordinator.succeed("custodian", "list", "policy.toml", *files, status=NEEDS_PERSON)
        self.assertIn("OVERDUE  bob of Acme", text)
        self.assertEqual(text.count("OVERDUE"), 1)

    def test_a_drill_counts_for_each_role_who_can_still_sign(self):
        self.policy(2, "")
        nonce = "ab" * 16
        for name in ("alice", "bob", "carol"):
            self.people[name].succeed("key", "proof", "--key", f"{name}.pem", "--nonce", nonce, "--passphrase-from", "file:pw")
            self.people[name].give(self.coordinator, f"{name}.tenon-key")
        files = [f"{name}.tenon-key" for name in self.people]
        drill = ("custodian", "list", "policy.toml", *files, "--nonce", nonce, "--root", "1.root.json")
        text = self.coordinator.succeed(*drill, status=NEEDS_PERSON)
        self.assertIn("NO SPARE root: 3 of 5 have shown that they can sign, 3 must", text)
        self.assertIn("TOO FEW  targets: 0 of", text)
        self.assertIn("over another nonce", text)

    def test_a_change_without_a_reason_is_refused(self):
        self.person("ivan")
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "365d")
        self.coordinator.succeed("root", "rotate", "2.root.draft", "--remove", "bob.tenon-key", "--add", "ivan.tenon-key")
        message = self.refused("r.tenon-request", ["2.root.draft", self.policy(2)], people=[*ROOT_PEOPLE, "ivan"])
        self.assertIn("P24", message)

    def test_three_root_keys_at_once_need_an_acknowledgement(self):
        for new in ("ivan", "kate", "leo"):
            self.person(new)
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "365d")
        self.coordinator.succeed("root", "rotate", "2.root.draft", *[
            word for old, new in (("alice", "ivan"), ("bob", "kate"), ("carol", "leo"))
            for word in ("--remove", f"{old}.tenon-key", "--add", f"{new}.tenon-key")])
        self.request("root-2.tenon-request", ["2.root.draft", self.policy(2)], "--reason", "new people",
                     people=[*ROOT_PEOPLE, "ivan", "kate", "leo"])
        self.coordinator.give(self.people["dave"], "root-2.tenon-request")
        message = self.people["dave"].fail(REFUSED, "E_POLICY", "request", "sign", "root-2.tenon-request", "--key",
                                           "dave.pem", "--passphrase-from", "file:pw")
        self.assertIn("--ack P22", message)
        status, seen = self.people["dave"].sign("root-2.tenon-request", more=("--ack", "P22"))
        self.assertEqual(status, 0, seen)
        log = self.people["dave"].as_json("audit", "show")["entries"]
        self.assertEqual(log[-1]["data"]["acknowledged"], ["P22"])


class Delegation(Ceremony):
    """(e)"""

    def prepare(self, path="tools/*"):
        self.coordinator.succeed("targets", "new", "-o", "targets.draft", "--expires-in", "365d")
        self.coordinator.succeed("delegation", "add", "targets.draft", "--role", "tools", "--threshold", "2", "--path",
                                 path, *[word for name in DELEGATES for word in ("--key-file", f"{name}.tenon-key")])
        self.coordinator.succeed("targets", "new", "-o", "tools.draft", "--expires-in", "365d")

    def test_both_groups_sign_one_request(self):
        self.prepare()
        self.request("tools.tenon-request", ["targets.draft", "tools=tools.draft"], "--reason", "tools get people of their own",
                     people=DELEGATES)
        for name in ("frank", "grace", *DELEGATES):
            self.trust_root(name)
        responses = self.sign("tools.tenon-request", ["frank", "judy", "mike"])
        self.assertIn("missing grace", self.merge("tools.tenon-request", responses, NEEDS_PERSON))
        responses += self.sign("tools.tenon-request", ["grace"])
        self.merge("tools.tenon-request", responses)
        self.assertEqual(len(self.coordinator.read_json("tools.json")["signatures"]), 2)
        self.assertEqual(len(self.coordinator.read_json("targets.json")["signatures"]), 2)

    # sigstore/root-signing#323
    def test_a_wildcard_is_refused_before_anybody_signs(self):
        self.prepare("*")
        self.assertIn("P25", self.refused("r.tenon-request", ["targets.draft", "tools=tools.draft"], "--reason", "all",
                                          people=DELEGATES))


class Resign(Ceremony):
    """(f)"""

    def test_two_changes_and_no_others(self):
        self.coordinator.succeed("root", "next", "1.root.json", "-o", "2.root.draft", "--expires-in", "366d")
        self.request("root-2.tenon-request", ["2.root.draft"], people=ROOT_PEOPLE)
        responses = self.sign("root-2.tenon-request", ["carol", "dave", "erin"])
        shown = self.people["carol"].as_json("request", "show", "root-2.tenon-request")
        self.assertEqual([one["place"] for one in shown["documents"][0]["changes"]], ["version", "expires"])
        self.merge("root-2.tenon-request", responses)
        self.coordinator.succeed("root", "verify", "2.root.json", "--previous", "1.root.json")

    def test_what_is_due_is_said_with_an_exit_status_and_a_calendar(self):
        self.coordinator.succeed("status", "1.root.json", "1.policy.json", "--due", "60d")
        text = self.coordinator.succeed("status", "1.root.json", "1.policy.json", "--due", "400d", "--calendar", "due.ics",
                                        status=NEEDS_PERSON)
        self.assertEqual(text.count("DUE"), 2)
        with open(self.coordinator.path("due.ics"), encoding="utf-8") as file:
            self.assertEqual(file.read().count("BEGIN:VEVENT"), 2)

    def test_the_minutes_quote_the_head_of_an_unbroken_log(self):
        alice = self.people["alice"]
        head = alice.as_json("audit", "verify")["head"]
        minutes = alice.succeed("ceremony", "minutes", "--repository", "acme-fw", "--since", "2026-01-01T00:00:00Z")
        self.assertIn(head, minutes)
        self.assertIn("| signed |", minutes)
        with open(alice.path("home/audit.log"), "r+b") as log:
            content = log.read().replace(b"\"signed\"", b"\"shown_\"", 1)
            log.seek(0)
            log.write(content)
        self.assertIn("line", alice.fail(UNVERIFIED, "E_MISMATCH", "audit", "verify"))
        alice.fail(UNVERIFIED, "E_MISMATCH", "request", "sign", "root-1.tenon-request", "--key", "alice.pem",
                   "--passphrase-from", "file:pw")

    def test_every_kind_of_ceremony_has_a_plan_with_the_people(self):
        for kind in ("first-root", "rotate", "lost-key", "compromised-online-key", "delegation", "resign"):
            plan = self.coordinator.succeed("ceremony", "plan", "--kind", kind, "--repository", "acme-fw", "--policy",
                                            "1.policy.json")
            self.assertIn("| carol | Notary Ltd |", plan)


def scan(drawing):
    """What zbar reads in a code drawn for a terminal: two modules a character."""
    rows = [line.replace("\x1b[30;47m", "").replace("\x1b[0m", "") for line in drawing.split("\n")[1:] if line]
    width, scale = len(rows[0]), 4
    dark = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}
    lines = []
    for row in rows:
        for half in (0, 1):
            line = bytes(0 if dark[c][half] else 255 for c in row for _ in range(scale))
            lines += [line] * scale
    with tempfile.NamedTemporaryFile(suffix=".pgm") as image:
        image.write(b"P5 %d %d 255\n" % (width * scale, len(lines)) + b"".join(lines))
        image.flush()
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", image.name],
                              capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.rstrip("\n")


if __name__ == "__main__":
    unittest.main()
