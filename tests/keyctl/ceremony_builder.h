// CeremonyBuilder: a repository "acme-fw" with a first root and a policy, and the requests that come next; everything is in
// order, tests spoil one thing. Also what every text for people must hold to.
#pragma once

#include <tenon/keyctl/request_sign.h>
#include <tenon/keyctl/response_merge.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/signing_request.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <tests/keyctl/root_keys.h>

namespace tenon::keyctl {

using policies::Label;
using policies::RequestedDocument;
using policies::SigningPolicy;
using policies::SigningRequest;
using policies::SigningResponse;

// What hostile names are made of: escape sequences, a clipboard write, bell, backspace, C1, DEL, tab, CR, a link, text
// turned round, no width, a Cyrillic a, and a byte that is no UTF-8.
inline const std::string kHostile =
    "x\x1b[2J\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://evil\x1b\\\b\r\t\x7f\xc2\x9b"
    "1A\xe2\x80\xae\xe2\x80\x8b\xd0\xb0";

// expect_safe: lines, and in them nothing but what a terminal shows as it is.
inline void expect_safe(const std::string& text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    ASSERT_EQ(printable(line, line.size() + 1), line);
    begin = end + 1;
  }
}

// expect_safe_data: the same for all strings that --json prints.
inline void expect_safe_data(const json::Value& value) {
  if (const std::string* text = value.string()) expect_safe(*text);
  if (const json::Array* array = value.array()) {
    for (const json::Value& item : *array) expect_safe_data(item);
  }
  if (const json::Object* object = value.object()) {
    for (const json::Member& member : *object) {
      expect_safe(member.name);
      expect_safe_data(member.value);
    }
  }
}

inline void expect_safe_error(const Error& error) {
  expect_safe(error.message);
  expect_safe(error.hint);
}

// A person's key, which stays theirs.
class Borrowed final : public hsm::Signer {
 public:
  explicit Borrowed(hsm::SoftwareKey& key) : key_(key) {}
  const metadata::PublicKey& public_key() const override { return key_.public_key(); }
  Result<Bytes> sign(ByteView message) override { return key_.sign(message); }

 private:
  hsm::SoftwareKey& key_;
};

inline SigningKey key_of(Person& person) {
  return {person.file.name.text() + ".pem", person.key.public_key(),
          [&person]() -> Result<std::unique_ptr<hsm::Signer>> {
            return std::unique_ptr<hsm::Signer>(std::make_unique<Borrowed>(person.key));
          }};
}

inline std::string sign_by(const json::Value& signed_part, const std::vector<Person*>& people) {
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(signed_part);
  for (Person* person : people) {
    envelope = *hsm::add_signature(envelope, person->file.keyid, person->key.public_key(), person->key);
  }
  return envelope.to_text();
}

inline RequestedDocument document_of(std::string role, const json::Value& signed_part) {
  return {std::move(role), metadata::Envelope::unsigned_of(signed_part)};
}

struct CeremonyBuilder {
  Team team;
  Person dave{"dave"};
  Label repository = *Label::parse("acme-fw");

  // 2 of alice, bob, carol; without papers, but with reasons.
  SigningPolicy policy(std::int64_t version = 1) const {
    SigningPolicy policy = SigningPolicy::lab();
    policy.repository = repository;
    policy.version = *metadata::Version::create(version);
    policy.expires = kInAYear;
    policy.process.require_reason = true;
    for (const Person* person : {&team.alice, &team.bob, &team.carol, &team.online, &dave}) {
      policy.custodians.emplace(person->file.keyid,
                                policies::Custodian{"Person " + person->file.name.text(), "Acme", "", kNow, ""});
    }
    return policy;
  }

  metadata::Root root(std::int64_t version = 1) const {
    metadata::Root root = team.draft().root;
    root.header.version = *metadata::Version::create(version);
    return root;
  }
  std::vector<Person*> enough() { return {&team.alice, &team.bob}; }
  std::string root_1() { return sign_by(root().to_json(), enough()); }
  std::string policy_1() { return sign_by(policy().to_json(), enough()); }

  Memory memory() { return {to_bytes(root_1()), to_bytes(policy_1()), {}}; }
  ReviewContext context(Memory known) const {
    ReviewContext context{std::move(known), kNow};
    context.audit_log_intact = true;
    context.names = team.names();
    return context;
  }

  SigningRequest empty_request() const {
    SigningRequest request{repository, kNow, kNow.plus_seconds(14 * 86'400), false, {}};
    request.policy_sha256 = policy().digest();
    return request;
  }
  SigningRequest first() const {
    SigningRequest request = empty_request();
    request.documents = {document_of("root", root().to_json()), document_of("policy", policy().to_json())};
    for (RequestedDocument& document : request.documents) document.reasons[""] = "the first";
    return request;
  }
  // Root 2: dave in place of carol, as root key.
  metadata::Root root_2() const {
    metadata::Root next = root(2);
    auto& keyids = next.roles.at(metadata::TopRole::kRoot).keyids;
    std::ranges::replace(keyids, team.carol.file.keyid, dave.file.keyid);
    next.keys.emplace(dave.file.keyid, dave.file.key);
    return next;
  }
  SigningRequest rotation() {
    SigningRequest request = empty_request();
    request.documents = {document_of("root", root_2().to_json())};
    request.documents.front().reasons = {{"roles/root", "carol left"}, {"keys/+" + dave.file.keyid.brief(), "dave"}};
    request.roots = {root_1()};
    request.policy = policy_1();
    return request;
  }
  metadata::Targets targets(std::int64_t version) const {
    metadata::Targets targets;
    targets.header = {.version = *metadata::Version::create(version), .expires = kInAYear};
    targets.targets["notes.txt"] = {5, {Sha256::of(as_bytes("notes")), {}, {}}, {}};
    for (std::int64_t i = 1; i <= version; ++i) {
      targets.targets["v" + std::to_string(i) + ".txt"] = {1, {Sha256(), {}, {}}, {}};
    }
    return targets;
  }
  // After the version before it.
  SigningRequest targets_update(const metadata::Targets& after) {
    SigningRequest request = rotation();
    request.documents = {document_of("targets", after.to_json())};
    request.documents.front().previous = sign_by(targets(after.header.version.value() - 1).to_json(), {&team.carol});
    request.documents.front().reasons = {{"targets", "as planned"}};
    return request;
  }

  SigningResponse response(const SigningRequest& request, const std::vector<Person*>& people) {
    SigningResponse response{request.id(), kNow, "test", {}};
    for (const RequestedDocument& document : request.documents) {
      for (Person* person : people) {
        const metadata::Envelope envelope =
            *hsm::add_signature(document.draft, person->file.keyid, person->key.public_key(), person->key);
        response.signatures.push_back({document.role, document.payload_sha256(), envelope.signatures().back()});
      }
    }
    return response;
  }
};

// As it arrives: written and read again.
inline SigningRequest carried(const SigningRequest& request) {
  return *SigningRequest::parse(as_bytes(request.to_text()));
}

}  // namespace tenon::keyctl
