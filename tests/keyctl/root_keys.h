// People and their keys for the tests of root ceremonies; nothing is encrypted, so nothing is slow.
#pragma once

#include <tenon/hsm/software_key.h>
#include <tenon/keyctl/root_draft.h>

#include <string>
#include <utility>
#include <vector>

namespace tenon::keyctl {

inline const metadata::UtcTime kNow = *metadata::UtcTime::parse("2026-11-22T00:00:00Z");
inline const metadata::UtcTime kInAYear = *metadata::UtcTime::parse("2027-11-22T00:00:00Z");

struct Person {
  hsm::SoftwareKey key;
  hsm::KeyFile file;

  explicit Person(std::string_view name, hsm::KeyType type = hsm::KeyType::kEd25519)
      : key(hsm::SoftwareKey::generate(type)), file(hsm::KeyFile::of(*hsm::KeyName::parse(name), key.public_key())) {}
};

inline RoleRequest role_of(std::vector<hsm::KeyFile> keys, std::int64_t threshold) {
  return {std::move(keys), *metadata::Threshold::create(threshold)};
}

// Alice, Bob (P-256) and Carol, of whom two must sign the root; Carol signs targets; a server signs the rest.
struct Team {
  Person alice{"alice"};
  Person bob{"bob", hsm::KeyType::kEcdsaP256};
  Person carol{"carol"};
  Person online{"online"};

  RootRequest request() const {
    return {{{metadata::TopRole::kRoot, role_of({alice.file, bob.file, carol.file}, 2)},
             {metadata::TopRole::kTargets, role_of({carol.file}, 1)},
             {metadata::TopRole::kSnapshot, role_of({online.file}, 1)},
             {metadata::TopRole::kTimestamp, role_of({online.file}, 1)}},
            kInAYear};
  }
  RootFile draft() const { return draft_root(request(), kNow)->file; }
  KeyNames names() const {
    KeyNames all;
    for (const Person* person : {&alice, &bob, &carol, &online}) all.add(person->file);
    return all;
  }
};

inline RootFile parsed(const metadata::Envelope& envelope) {
  return *RootFile::parse(as_bytes(envelope.to_text()));
}

}  // namespace tenon::keyctl
