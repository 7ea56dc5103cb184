#include <tenon/keyctl/expiry.h>
#include <tenon/keyctl/root_file.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

using metadata::KeyId;
using metadata::PublicKey;
using metadata::RoleKeys;
using metadata::Root;
using metadata::Tally;
using metadata::TopRole;

constexpr std::size_t kTypeColumn = 34;  // wide enough for "carol-2 (1234abcd)"
constexpr std::size_t kShownMemberBytes = 200;

std::string padded(std::string text, std::size_t width) {
  text.append(text.size() < width ? width - text.size() : 1, ' ');
  return text;
}

Tally root_tally(const RootFile& file) {
  return metadata::tally(file.envelope, file.root.keys, file.root.role(TopRole::kRoot));
}

bool has_signed(const Tally& count, const PublicKey& key) {
  return key.material() && count.votes.contains(*key.material());
}

std::string describe_key(const RootFile& file, const KeyId& keyid, const KeyNames& names, const Tally* signers) {
  const auto found = file.root.keys.find(keyid);
  if (found == file.root.keys.end()) return "    " + printable(keyid.brief()) + "  the file does not hold this key\n";
  const PublicKey& key = found->second;
  std::string line = padded("    " + names.label(keyid, key), kTypeColumn) + padded(printable(key.keytype(), 40), 10);
  if (!key.material()) {
    line += "unknown kind of key: its signatures count nothing";
  } else if (signers != nullptr) {
    line += has_signed(*signers, key) ? "signed" : "not signed";
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string describe_role(const RootFile& file, TopRole name, const KeyNames& names, const Tally& root_signers) {
  const RoleKeys& role = file.root.role(name);
  std::string text = padded("  " + std::string(to_string(name)), 14) + std::to_string(role.threshold.value()) + " of " +
                     std::to_string(role.keyids.size()) + " must sign\n";
  const Tally* signers = name == TopRole::kRoot ? &root_signers : nullptr;
  for (const KeyId& keyid : role.keyids) text += describe_key(file, keyid, names, signers);
  return text;
}

std::string describe_members(std::string_view where, const json::Object& members) {
  std::string text;
  for (const json::Member& member : members) {
    text += "  also in " + std::string(where) + ": " + printable(member.name, 80) + " = " +
            printable(json::to_text(member.value), kShownMemberBytes) + "\n";
  }
  return text;
}

std::string describe_unknown_members(const Root& root) {
  std::string text = describe_members("the root", root.extra) + describe_members("its roles", root.extra_roles);
  for (const auto& [name, role] : root.roles)
    text += describe_members("role " + std::string(to_string(name)), role.extra);
  return text;
}

// Signatures that are worth nothing here: of a root before this one, of a stranger, or broken.
std::vector<std::string> other_signatures(const RootFile& file, const Tally& count) {
  std::vector<std::string> others;
  for (const metadata::Signature& signature : file.envelope.signatures()) {
    if (std::ranges::find(count.signers, signature.keyid) == count.signers.end()) {
      others.push_back(printable(signature.keyid.brief()));
    }
  }
  return others;
}

json::Value key_data(const RootFile& file, const KeyId& keyid, const KeyNames& names, const Tally* signers) {
  json::Object data;
  data.set("keyid", printable(keyid.text()));
  const auto found = file.root.keys.find(keyid);
  if (found == file.root.keys.end()) return data;
  const PublicKey& key = found->second;
  data.set("keytype", printable(key.keytype()));
  data.set("scheme", printable(key.scheme()));
  data.set("usable", key.material().has_value());
  if (const auto name = names.find(key)) data.set("name", name->text());
  if (signers != nullptr) data.set("signed", has_signed(*signers, key));
  return data;
}

json::Object role_data(const RootFile& file, TopRole name, const KeyNames& names, const Tally& root_signers) {
  const RoleKeys& role = file.root.role(name);
  json::Array keys;
  const Tally* signers = name == TopRole::kRoot ? &root_signers : nullptr;
  for (const KeyId& keyid : role.keyids) keys.push_back(key_data(file, keyid, names, signers));
  json::Object data;
  data.set("threshold", static_cast<std::int64_t>(role.threshold.value()));
  data.set("keys", std::move(keys));
  return data;
}

json::Object root_data(const RootFile& file, const KeyNames& names, metadata::UtcTime now, const Tally& count) {
  const Root& root = file.root;
  json::Object roles;
  for (TopRole role : metadata::kTopRoles) {
    roles.set(std::string(to_string(role)), role_data(file, role, names, count));
  }
  json::Object data;
  data.set("version", root.header.version.value());
  data.set("expires", root.header.expires.text());
  data.set("expires_in_days", days_until(root.header.expires, now));
  data.set("consistent_snapshot", root.consistent_snapshot);
  data.set("signed_sha256", Sha256::of(file.envelope.signed_bytes()).hex());
  data.set("roles", std::move(roles));
  data.set("signatures", static_cast<std::int64_t>(count.votes.size()));
  data.set("complete", count.met(root.role(TopRole::kRoot).threshold));
  return data;
}

}  // namespace

Result<RootFile> RootFile::parse(ByteView file) {
  TENON_TRY(metadata::Envelope envelope, metadata::Envelope::parse(file, metadata::Limits().root_bytes));
  TENON_TRY(Root root, Root::parse(envelope.signed_part()));
  return RootFile{std::move(envelope), std::move(root)};
}

std::string SignatureCount::text() const {
  std::string line = "signed by " + std::to_string(votes) + " of the root keys, " + std::to_string(needed) + " must";
  if (met()) return line;
  for (std::size_t i = 0; i < missing.size(); ++i) line += (i == 0 ? ": missing " : " or ") + missing[i];
  return line;
}

SignatureCount count_signatures(const metadata::Envelope& envelope, const Root& holder, const KeyNames& names) {
  const RoleKeys& role = holder.role(TopRole::kRoot);
  const Tally count = metadata::tally(envelope, holder.keys, role);
  SignatureCount result{count.votes.size(), role.threshold.value()};
  for (const KeyId& keyid : role.keyids) {
    const auto key = holder.keys.find(keyid);
    if (key == holder.keys.end() || !key->second.material() || has_signed(count, key->second)) continue;
    result.missing.push_back(names.label(keyid, key->second));
  }
  return result;
}

Report describe(const RootFile& file, const KeyNames& names, metadata::UtcTime now) {
  const Root& root = file.root;
  const Tally count = root_tally(file);
  std::string text = "root version " + std::to_string(root.header.version.value()) + "\n  expires     " +
                     root.header.expires.text() + " (" + relative_days(root.header.expires, now) +
                     " by this machine's clock, " + now.text() + ")\n";
  if (!root.consistent_snapshot) text += "  without consistent snapshots\n";
  for (TopRole role : metadata::kTopRoles) text += describe_role(file, role, names, count);
  text += describe_unknown_members(root);
  for (const std::string& keyid : other_signatures(file, count)) {
    text += "  a signature by " + keyid + " counts nothing here\n";
  }
  text += "  sha256 of what is signed: " + Sha256::of(file.envelope.signed_bytes()).hex() + "\n";
  text += count_signatures(file.envelope, root, names).text() + "\n";
  return {std::move(text), root_data(file, names, now, count)};
}

}  // namespace tenon::keyctl
