#include <tenon/metadata/authentic.h>

#include <algorithm>

namespace tenon::metadata {
namespace {

Result<void> require(const Envelope& envelope, const KeyMap& keys, const RoleKeys& role, const std::string& holder) {
  const Tally count = tally(envelope, keys, role);
  if (count.met(role.threshold)) return {};
  return Error{ErrorCode::kSig, "signed by " + std::to_string(count.votes.size()) + " of the " + holder + ", " +
                                    std::to_string(role.threshold.value()) + " must"};
}

std::string keys_of(TopRole role, const Root& root) {
  return std::string(to_string(role)) + " keys of root v" + std::to_string(root.header.version.value());
}

Result<void> require(const Envelope& envelope, const Root& root) {
  return require(envelope, root.keys, root.role(TopRole::kRoot), keys_of(TopRole::kRoot, root));
}

}  // namespace

Tally tally(const Envelope& envelope, const KeyMap& keys, const RoleKeys& role) {
  Tally count;
  for (const Signature& signature : envelope.signatures()) {
    const auto key = keys.find(signature.keyid);
    const bool listed = std::ranges::find(role.keyids, signature.keyid) != role.keyids.end();
    if (!listed || key == keys.end() || !key->second.material()) continue;
    const std::optional<Bytes> bytes = signature.bytes();
    if (bytes && key->second.verify(envelope.signed_bytes(), *bytes)) {
      count.signers.push_back(signature.keyid);
      count.votes.insert(*key->second.material());
    }
  }
  return count;
}

Authority::Authority(const KeyMap& keys, RoleKeys role, std::string holder)
    : role_(std::move(role)), holder_(std::move(holder)) {
  for (const KeyId& keyid : role_.keyids) {
    if (const auto key = keys.find(keyid); key != keys.end()) keys_.insert(*key);
  }
}

template <class T>
Result<Authentic<T>> authenticate(const Envelope& envelope, const Authority& authority) {
  TENON_TRY_VOID(require(envelope, authority.keys(), authority.role(), authority.holder()));
  TENON_TRY(T value, T::parse(envelope.signed_part()));
  return Authentic<T>(std::move(value), envelope.identity());
}

template Result<Authentic<Timestamp>> authenticate(const Envelope&, const Authority&);
template Result<Authentic<Snapshot>> authenticate(const Envelope&, const Authority&);
template Result<Authentic<Targets>> authenticate(const Envelope&, const Authority&);

Result<Authentic<Root>> embedded_root(ByteView file, const Limits& limits) {
  TENON_TRY(const Envelope envelope, Envelope::parse(file, limits.root_bytes, limits));
  TENON_TRY(Root root, Root::parse(envelope.signed_part()));
  TENON_TRY_VOID(require(envelope, root));
  return Authentic<Root>(std::move(root), envelope.identity());
}

Result<Authentic<Root>> next_root(const Authentic<Root>& trusted, ByteView file, const Limits& limits) {
  TENON_TRY(const Envelope envelope, Envelope::parse(file, limits.root_bytes, limits));
  TENON_TRY_VOID(require(envelope, trusted.value()));
  TENON_TRY(Root root, Root::parse(envelope.signed_part()));
  TENON_TRY_VOID(require(envelope, root));
  TENON_TRY(const Version wanted, trusted->header.version.next());
  if (root.header.version != wanted) {
    return Error{ErrorCode::kRollback, "root version " + std::to_string(root.header.version.value()) + ", only " +
                                           std::to_string(wanted.value()) + " may follow the trusted " +
                                           std::to_string(trusted->header.version.value())};
  }
  return Authentic<Root>(std::move(root), envelope.identity());
}

}  // namespace tenon::metadata
