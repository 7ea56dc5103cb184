#include <tenon/keyctl/delegation_edit.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <set>

namespace tenon::keyctl {
namespace {

using metadata::DelegatedRole;
using metadata::Delegations;
using metadata::Targets;

Result<void> check_expiry(metadata::UtcTime expires, metadata::UtcTime now) {
  if (expires > now) return {};
  return Error{ErrorCode::kPolicy, "expiry " + expires.text() + " is not after now, " + now.text()};
}

std::vector<DelegatedRole>::iterator find(Delegations& delegations, const metadata::RoleName& name) {
  return std::ranges::find(delegations.roles, name, &DelegatedRole::name);
}

Result<DelegatedRole> build(const DelegationRequest& request) {
  const std::string name = printable(request.name.text(), 80);
  std::set<metadata::KeyMaterial> distinct;
  for (const hsm::KeyFile& key : request.keys) distinct.insert(*key.key.material());  // KeyFile has one always
  if (distinct.size() < request.keys.size()) {
    return Error{ErrorCode::kPolicy, name + ": one key is named twice", "every key counts once; name each key once"};
  }
  const Result<metadata::Threshold> threshold = metadata::Threshold::create(request.threshold);
  if (!threshold || threshold->value() > distinct.size()) {
    return Error{ErrorCode::kPolicy,
                 name + ": threshold " + std::to_string(request.threshold) + " of " + std::to_string(distinct.size()) +
                     " distinct keys",
                 "nobody could ever sign this role"};
  }
  if (request.paths.empty())
    return Error{ErrorCode::kPolicy, name + " would speak for no path at all", "--path PATTERN"};
  metadata::RoleKeys keys{{}, *threshold};
  for (const hsm::KeyFile& key : request.keys) keys.keyids.push_back(key.keyid);
  return DelegatedRole{request.name, std::move(keys), {request.paths, std::nullopt}, request.terminating};
}

void list_keys(Delegations& delegations, const DelegationRequest& request) {
  for (const hsm::KeyFile& key : request.keys) delegations.keys.insert_or_assign(key.keyid, key.key);
}

}  // namespace

Result<TargetsFile> TargetsFile::parse(ByteView file) {
  TENON_TRY(metadata::Envelope envelope, metadata::Envelope::parse(file, metadata::Limits().listed_bytes));
  TENON_TRY(Targets targets, Targets::parse(envelope.signed_part()));
  return TargetsFile{std::move(envelope), std::move(targets)};
}

TargetsFile TargetsFile::draft_of(Targets targets) {
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(targets.to_json());
  return {std::move(envelope), std::move(targets)};
}

Result<TargetsFile> next_targets(const TargetsFile& previous, metadata::UtcTime expires, metadata::UtcTime now) {
  TENON_TRY_VOID(check_expiry(expires, now));
  Targets targets = previous.targets;
  TENON_TRY(targets.header.version, previous.targets.header.version.next());
  targets.header.expires = expires;
  targets.header.spec_version = std::string(metadata::kTufSpecVersion);
  return TargetsFile::draft_of(std::move(targets));
}

Result<TargetsFile> empty_targets(metadata::UtcTime expires, metadata::UtcTime now) {
  TENON_TRY_VOID(check_expiry(expires, now));
  Targets targets;
  targets.header.expires = expires;
  return TargetsFile::draft_of(std::move(targets));
}

Result<void> add_delegation(Targets& targets, const DelegationRequest& request) {
  TENON_TRY(DelegatedRole role, build(request));
  Delegations delegations = targets.delegations.value_or(Delegations());
  if (find(delegations, request.name) != delegations.roles.end()) {
    return Error{ErrorCode::kPolicy, "there is a role " + printable(request.name.text(), 80) + " already",
                 "tenon-keyctl delegation edit changes it"};
  }
  list_keys(delegations, request);
  delegations.roles.push_back(std::move(role));
  targets.delegations = std::move(delegations);
  return {};
}

Result<void> replace_delegation(Targets& targets, const DelegationRequest& request) {
  TENON_TRY(DelegatedRole role, build(request));
  Delegations delegations = targets.delegations.value_or(Delegations());
  const auto stands = find(delegations, request.name);
  if (stands == delegations.roles.end()) {
    return Error{ErrorCode::kPolicy, "there is no role " + printable(request.name.text(), 80)};
  }
  *stands = std::move(role);
  list_keys(delegations, request);
  delegations.drop_unused_keys();
  targets.delegations = std::move(delegations);
  return {};
}

Result<void> remove_delegation(Targets& targets, const metadata::RoleName& name) {
  Delegations delegations = targets.delegations.value_or(Delegations());
  const auto stands = find(delegations, name);
  if (stands == delegations.roles.end()) {
    return Error{ErrorCode::kPolicy, "there is no role " + printable(name.text(), 80)};
  }
  delegations.roles.erase(stands);
  delegations.drop_unused_keys();
  targets.delegations = std::move(delegations);
  return {};
}

}  // namespace tenon::keyctl
