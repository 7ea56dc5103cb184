// KeyNames: what the person who runs the command calls the keys. Metadata holds no names; they come from the key files
// that this person chose, and a key is known by what it is, under whatever keyid a file lists it.
// Thread: immutable
// after it was filled.
#pragma once

#include <tenon/hsm/key_file.h>

#include <map>
#include <optional>
#include <string>

namespace tenon::keyctl {

class KeyNames {
 public:
  void add(const hsm::KeyFile& file);

  // label gives "bob (1234abcd)", or "1234abcd" for a key without a name; safe for a terminal.
  std::string label(const metadata::KeyId& keyid, const metadata::PublicKey& key) const;
  std::optional<hsm::KeyName> find(const metadata::PublicKey& key) const;

 private:
  std::map<metadata::KeyMaterial, hsm::KeyName> names_;
};

}  // namespace tenon::keyctl
