#include <tenon/metadata/check.h>

#include <algorithm>
#include <utility>
#include <variant>

#include <fuzz/naive_glob.h>
#include <fuzz/reference_walk.h>
#include <fuzz/session_checks.h>
#include <tests/support/session_runner.h>

namespace tenon::fuzz {

using metadata::DelegatedRole;
using metadata::Delegations;
using metadata::MetaEntry;
using metadata::PathSet;
using metadata::Targets;

namespace {

// What there is to say against a file of a delegated role; nothing if it may be used. The checks are in the order of
// the specification, as the code of the first that fails is the verdict.
// Spec: 5.6.2 to 5.6.5
std::optional<ErrorCode> objection(ByteView file, const MetaEntry& pin, const Delegations& delegator,
                                   const DelegatedRole& role, const metadata::Rules& rules) {
  if (pin.length && *pin.length != file.size()) return ErrorCode::kMismatch;
  if (pin.hashes && *pin.hashes->sha256 != Sha256::of(file)) return ErrorCode::kMismatch;
  const Result<metadata::Envelope> envelope = metadata::Envelope::parse(file, rules.limits.listed_bytes);
  if (!envelope) return envelope.error().code;
  if (!vouched(*envelope, delegator.keys, role.keys)) return ErrorCode::kSig;
  const Result<Targets> targets = Targets::parse(envelope->signed_part());
  if (!targets) return targets.error().code;
  if (targets->header.version != pin.version) return ErrorCode::kMismatch;
  if (targets->header.expires <= rules.now) return ErrorCode::kExpired;
  return std::nullopt;
}

class ReferenceWalk {
 public:
  ReferenceWalk(const client::TrustedRepository& trusted, tests::RepositorySimulator& repository,
                const std::map<std::string, Bytes>& stored, const metadata::Rules& rules, const std::string& path)
      : snapshot_(trusted.snapshot.value()),
        consistent_(trusted.root->consistent_snapshot),
        repository_(repository),
        stored_(stored),
        rules_(rules),
        path_(path) {}

  // True: the walk is over, here or for good. The chain has the delegations from "targets" to this role.
  bool visit(const std::string& name, const Targets& role, const std::vector<DelegatedRole>& chain) {
    result.visited.push_back(name);
    if (const auto at = role.targets.find(path_); at != role.targets.end()) {
      for (const DelegatedRole& edge : chain) TENON_CHECK(contains(edge.paths) == Glob::kMatches);
      result.found_in = name;
      result.entry = at->second;
      return true;
    }
    if (!role.delegations) return false;
    if (const auto& bins = role.delegations->bins) {
      follow(*role.delegations, bin_edge(*bins), chain);
      return true;  // bins are terminating
    }
    for (const DelegatedRole& edge : role.delegations->roles) {
      const Glob matched = contains(edge.paths);
      if (matched == Glob::kUndefined) return refuse(ErrorCode::kPolicy);
      if (matched == Glob::kDiffers) continue;
      if (follow(*role.delegations, edge, chain) || edge.terminating) return true;
    }
    return false;
  }

  WalkResult result;

 private:
  bool refuse(ErrorCode code) {
    result.refused = code;
    return true;
  }

  DelegatedRole bin_edge(const metadata::SuccinctRoles& bins) const {
    return {*metadata::RoleName::parse_delegated(reference_bin(bins, path_)), bins.keys,
            PathSet{.hash_prefixes = {{Sha256::of(as_bytes(path_)).hex()}}}, true};
  }

  bool is_skipped(const std::string& name, const std::vector<DelegatedRole>& chain) const {
    if (rules_.visited == metadata::VisitedRule::kGlobal) {
      return std::ranges::find(result.visited, name) != result.visited.end();
    }
    return std::ranges::any_of(chain, [&](const DelegatedRole& edge) { return edge.name.text() == name; });
  }

  bool follow(const Delegations& delegator, const DelegatedRole& edge, std::vector<DelegatedRole> chain) {
    const std::string& name = edge.name.text();
    if (is_skipped(name, chain)) return false;
    if (result.visited.size() > rules_.limits.roles_per_search) return refuse(ErrorCode::kLimit);
    const auto pin = snapshot_.meta.find(name + ".json");
    if (pin == snapshot_.meta.end()) return refuse(ErrorCode::kMismatch);
    const std::optional<Bytes> file = file_of(delegator, edge, pin->second);
    if (!file) return true;
    chain.push_back(edge);
    return visit(name, *Targets::parse(envelope_of(*file).signed_part()), chain);
  }

  // The stored file if it is good, else the served one, which must be.
  std::optional<Bytes> file_of(const Delegations& delegator, const DelegatedRole& edge, const MetaEntry& pin) {
    const std::string stored_name = edge.name.file_name();
    const auto at = stored_.find(stored_name);
    if (at != stored_.end() && !objection(at->second, pin, delegator, edge, rules_)) return at->second;
    const std::string served_name = consistent_ ? edge.name.file_name(pin.version) : edge.name.url_name();
    const std::size_t max_length = pin.length ? std::size_t{*pin.length} : rules_.limits.targets_bytes;
    const Result<client::Reply> reply = tests::fetch_all(repository_, "metadata/" + served_name, max_length);
    if (!reply) result.refused = reply.error().code;
    if (!reply) return std::nullopt;
    const Bytes* file = std::get_if<Bytes>(&*reply);
    result.refused = file == nullptr ? ErrorCode::kNet : objection(*file, pin, delegator, edge, rules_);
    if (result.refused) return std::nullopt;
    result.fetched[stored_name] = *file;
    return *file;
  }

  // The first pattern that matches decides, or the first that is undefined.
  Glob contains(const PathSet& paths) const {
    const std::string digest = Sha256::of(as_bytes(path_)).hex();
    for (const std::string& prefix : paths.hash_prefixes.value_or(std::vector<std::string>())) {
      if (digest.substr(0, prefix.size()) == prefix) return Glob::kMatches;
    }
    for (const metadata::PathPattern& pattern : paths.patterns.value_or(std::vector<metadata::PathPattern>())) {
      const Glob matched = naive_glob(pattern.text(), path_);
      if (matched != Glob::kDiffers) return matched;
    }
    return Glob::kDiffers;
  }

  const metadata::Snapshot& snapshot_;
  const bool consistent_;
  tests::RepositorySimulator& repository_;
  const std::map<std::string, Bytes>& stored_;
  const metadata::Rules& rules_;
  const std::string& path_;
};

}  // namespace

std::string reference_bin(const metadata::SuccinctRoles& bins, const std::string& path) {
  const Sha256 digest = Sha256::of(as_bytes(path));
  std::uint64_t number = 0;
  for (int bit = 0; bit < bins.bit_length; ++bit) {
    const unsigned byte = digest.bytes[static_cast<std::size_t>(bit / 8)];
    number = number * 2 + (byte >> (7 - bit % 8) & 1);
  }
  std::string digits;
  for (int bits = 0; bits < bins.bit_length; bits += 4, number /= 16) {
    digits.insert(digits.begin(), "0123456789abcdef"[number % 16]);
  }
  return bins.name_prefix + "-" + digits;
}

WalkResult reference_walk(const client::TrustedRepository& trusted, tests::RepositorySimulator& repository,
                          const std::map<std::string, Bytes>& stored, const metadata::Rules& rules,
                          const std::string& path) {
  ReferenceWalk walk(trusted, repository, stored, rules, path);
  walk.visit("targets", trusted.targets.targets().value(), {});
  return std::move(walk.result);
}

}  // namespace tenon::fuzz
