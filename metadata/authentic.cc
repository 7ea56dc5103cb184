#include <tenon/metadata/authentic.h>

#include <algorithm>
#include <map>

namespace tenon::metadata {
namespace {

// Verdicts remembers the signatures of one envelope that were verified.
using Verdicts = std::map<std::pair<KeyId, KeyMaterial>, bool>;

Tally tally(const Envelope& envelope, const KeyMap& keys, const RoleKeys& role, Verdicts& verdicts) {
  Tally count;
  for (const Signature& signature : envelope.signatures()) {
    const auto key = keys.find(signature.keyid);
    const bool listed = std::ranges::find(role.keyids, signature.keyid) != role.keyids.end();
    if (!listed || key == keys.end() || !key->second.material()) continue;
    const auto [verdict, is_new] = verdicts.try_emplace({signature.keyid, *key->second.material()}, false);
    if (is_new) {
      const std::optional<Bytes> bytes = signature.bytes();
      verdict->second = bytes && key->second.verify(envelope.signed_bytes(), *bytes);
    }
    if (!verdict->second) continue;
    count.signers.push_back(signature.keyid);
    count.votes.insert(*key->second.material());
  }
  return count;
}

Result<void> require(const Envelope& envelope, const KeyMap& keys, const RoleKeys& role, const std::string& holder,
                     Verdicts& verdicts) {
  const Tally count = tally(envelope, keys, role, verdicts);
  if (count.met(role.threshold)) return {};
  return Error{ErrorCode::kSig, "signed by " + std::to_string(count.votes.size()) + " of the " + holder + ", " +
                                    std::to_string(role.threshold.value()) + " must"};
}

std::string keys_of(TopRole role, const Root& root) {
  return std::string(to_string(role)) + " keys of root v" + std::to_string(root.header.version.value());
}

Result<void> require(const Envelope& envelope, const Root& root, const Rules& rules, Verdicts& verdicts) {
  const RoleKeys& role = root.role(TopRole::kRoot);
  return require(envelope, allowed_keys(role, root.keys, rules), role, keys_of(TopRole::kRoot, root), verdicts);
}

Result<void> check_can_be_followed(const Root& root, const Rules& rules) {
  const RoleKeys& role = root.role(TopRole::kRoot);
  std::set<KeyMaterial> usable;
  for (const auto& [keyid, key] : allowed_keys(role, root.keys, rules)) {
    if (key.material()) usable.insert(*key.material());
  }
  if (usable.size() >= role.threshold.value()) return {};
  return Error{ErrorCode::kPolicy, std::to_string(usable.size()) + " usable " + keys_of(TopRole::kRoot, root) +
                                       " can never meet their threshold of " + std::to_string(role.threshold.value())};
}

}  // namespace

Tally tally(const Envelope& envelope, const KeyMap& keys, const RoleKeys& role) {
  Verdicts verdicts;
  return tally(envelope, keys, role, verdicts);
}

KeyMap allowed_keys(const RoleKeys& role, const KeyMap& keys, const Rules& rules) {
  KeyMap allowed;
  for (const KeyId& keyid : role.keyids) {
    const auto key = keys.find(keyid);
    if (key == keys.end()) continue;
    if (rules.strict_keyids && key->second.hash_keyid() != keyid) continue;
    allowed.insert(*key);
  }
  return allowed;
}

template <class T>
Result<Authentic<T>> authenticate(const Envelope& envelope, const Authority& authority) {
  Verdicts verdicts;
  TENON_TRY_VOID(require(envelope, authority.keys(), authority.role(), authority.holder(), verdicts));
  TENON_TRY(T value, T::parse(envelope.signed_part()));
  return Authentic<T>(std::move(value), envelope.identity());
}

template Result<Authentic<Timestamp>> authenticate(const Envelope&, const Authority&);
template Result<Authentic<Snapshot>> authenticate(const Envelope&, const Authority&);
template Result<Authentic<Targets>> authenticate(const Envelope&, const Authority&);

Result<Authentic<Root>> embedded_root(ByteView file, const Rules& rules) {
  TENON_TRY(const Envelope envelope, Envelope::parse(file, rules.limits.root_bytes, rules.limits));
  TENON_TRY(Root root, Root::parse(envelope.signed_part()));
  Verdicts verdicts;
  TENON_TRY_VOID(require(envelope, root, rules, verdicts));
  return Authentic<Root>(std::move(root), envelope.identity());
}

Result<Authentic<Root>> next_root(const Authentic<Root>& trusted, ByteView file, const Rules& rules) {
  TENON_TRY(const Envelope envelope, Envelope::parse(file, rules.limits.root_bytes, rules.limits));
  Verdicts verdicts;
  TENON_TRY_VOID(require(envelope, trusted.value(), rules, verdicts));
  TENON_TRY(Root root, Root::parse(envelope.signed_part()));
  TENON_TRY_VOID(check_can_be_followed(root, rules));
  TENON_TRY_VOID(require(envelope, root, rules, verdicts));
  TENON_TRY(const Version wanted, trusted->header.version.next());
  if (root.header.version != wanted) {
    return Error{ErrorCode::kRollback, "root version " + std::to_string(root.header.version.value()) + ", only " +
                                           std::to_string(wanted.value()) + " may follow the trusted " +
                                           std::to_string(trusted->header.version.value())};
  }
  return Authentic<Root>(std::move(root), envelope.identity());
}

}  // namespace tenon::metadata
