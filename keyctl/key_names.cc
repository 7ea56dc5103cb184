#include <tenon/keyctl/key_names.h>
#include <tenon/metadata/utf8.h>

namespace tenon::keyctl {

void KeyNames::add(const hsm::KeyFile& file) {
  if (file.key.material()) names_.emplace(*file.key.material(), file.name);
}

std::optional<hsm::KeyName> KeyNames::find(const metadata::PublicKey& key) const {
  if (!key.material()) return std::nullopt;
  const auto found = names_.find(*key.material());
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

std::string KeyNames::label(const metadata::KeyId& keyid, const metadata::PublicKey& key) const {
  const std::string brief = printable(keyid.brief());
  const std::optional<hsm::KeyName> name = find(key);
  return name ? name->text() + " (" + brief + ")" : brief;
}

}  // namespace tenon::keyctl
