#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>

#include <fuzz/session_checks.h>
#include <fuzz/signature_memo.h>

namespace tenon::fuzz {

using client::Step;
using client::WantCached;
using client::WantRemote;
using metadata::Envelope;

namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr std::size_t kMaxKnownFiles = 4096;

}  // namespace

bool same_step(const Result<Step>& a, const Result<Step>& b) {
  if (!a || !b) return !a && !b && a.error() == b.error();
  if (a->index() != b->index()) return false;
  if (const auto* cached = std::get_if<WantCached>(&*a)) return cached->file_name == std::get<WantCached>(*b).file_name;
  const auto* remote = std::get_if<WantRemote>(&*a);
  if (remote == nullptr) return true;
  const auto& other = std::get<WantRemote>(*b);
  return remote->file_name == other.file_name && remote->max_length == other.max_length;
}

const Envelope& envelope_of(ByteView file) {
  static std::unordered_map<std::string, Envelope> known;
  const std::string text(as_text(file));
  if (const auto at = known.find(text); at != known.end()) return at->second;
  if (known.size() > kMaxKnownFiles) known.clear();
  return known.emplace(text, *Envelope::parse(file, kMaxFileBytes)).first->second;
}

bool vouched(const Envelope& envelope, const metadata::KeyMap& keys, const metadata::RoleKeys& role) {
  std::set<Bytes> votes;
  for (const metadata::Signature& signature : envelope.signatures()) {
    const auto key = keys.find(signature.keyid);
    const bool listed = std::ranges::find(role.keyids, signature.keyid) != role.keyids.end();
    if (!listed || key == keys.end() || !key->second.material()) continue;
    const Bytes& public_key = key->second.material()->key;
    const std::optional<Bytes> genuine = ledger_signature(public_key, envelope.signed_bytes());
    if (genuine && genuine == signature.bytes()) votes.insert(public_key);
  }
  return votes.size() >= role.threshold.value();
}

}  // namespace tenon::fuzz
