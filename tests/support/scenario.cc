#include <algorithm>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {

using metadata::RoleHeader;
using metadata::Version;
using metadata::VersionFloors;

namespace {

bool not_lower(std::optional<Version> before, std::optional<Version> after) {
  return !before || (after && *after >= *before);
}

std::set<std::string> changed_files(const std::map<std::string, Bytes>& before,
                                    const std::map<std::string, Bytes>& after) {
  std::set<std::string> changed;
  for (const auto& [name, content] : after) {
    const auto old = before.find(name);
    if (old == before.end() || old->second != content) changed.insert(name);
  }
  for (const auto& [name, content] : before) {
    if (!after.contains(name)) changed.insert(name);
  }
  return changed;
}

void raise_above(RoleHeader& header, std::optional<Version> floor) {
  if (floor && *floor > header.version) header.version = *floor;
}

std::string message(const Result<void>& result) {
  return result ? "accepted" : result.error().message;
}

}  // namespace

bool not_lower(const VersionFloors& before, const VersionFloors& after) {
  return not_lower(before.root, after.root) && not_lower(before.timestamp, after.timestamp) &&
         not_lower(before.snapshot, after.snapshot) && (!before.issued || after.issued >= before.issued) &&
         std::ranges::all_of(before.targets, [&](const auto& entry) {
           const auto at = after.targets.find(entry.first);
           return at != after.targets.end() && at->second >= entry.second;
         });
}

Result<void> Scenario::cycle(const std::string& target) {
  TENON_TRY(const client::TrustedRepository trusted, device.refresh());
  if (target.empty()) return {};
  TENON_TRY(const std::optional<metadata::VerifiedTarget> found, device.find(trusted, target));
  if (!found) return Error{ErrorCode::kUsage, "no such target"};
  return {};
}

void Scenario::settle() {
  settle_with({});
}

void Scenario::settle_with(const std::string& target) {
  expect_accepted(target);
  healthy_.emplace(repository);
}

void Scenario::expect_accepted(const std::string& target) {
  const Result<void> result = cycle(target);
  EXPECT_TRUE(result) << to_string(result.error().code) << " " << result.error().message;
}

void Scenario::expect_refused(ErrorCode code, const Refusal& refusal) {
  const std::map<std::string, Bytes> before = store.files;
  const VersionFloors floors_before = device.floors;
  for (const char* time : {"the first time", "asked again"}) {
    const Result<void> result = cycle(refusal.target);
    EXPECT_EQ(code_of(result), to_string(code)) << time << ": " << message(result);
    EXPECT_EQ(changed_files(before, store.files), refusal.accepted) << time << ": " << message(result);
    EXPECT_TRUE(refusal.floors_may_fall || not_lower(floors_before, device.floors)) << time;
  }
  for (const std::string& name : refusal.accepted) {
    const bool served =
        std::ranges::any_of(repository.files(), [&](const auto& file) { return file.second == store.files.at(name); });
    EXPECT_TRUE(served) << name << " is stored as it was never served";
  }
  refusal.heal ? refusal.heal() : heal();
  const Result<void> after = cycle(refusal.target);
  EXPECT_TRUE(after) << "does not recover: " << message(after);
}

void Scenario::heal() {
  if (!healthy_) return repository.restore_all();
  repository = *healthy_;
  raise_above(repository.timestamp.header, device.floors.timestamp);
  raise_above(repository.snapshot.header, device.floors.snapshot);
  const auto floor_of = [&](const std::string& name) {
    const auto at = device.floors.targets.find(name + ".json");
    return at == device.floors.targets.end() ? std::nullopt : std::optional(at->second);
  };
  raise_above(repository.targets.header, floor_of("targets"));
  for (auto& [name, role] : repository.delegated) raise_above(role.header, floor_of(name));
  repository.publish();
}

void add_delegation_chain(RepositorySimulator& repository) {
  repository.add_delegation({.delegator = "targets", .name = "d1"});
  repository.add_delegation({.delegator = "d1", .name = "d2"});
  repository.add_delegation({.delegator = "d2", .name = "d3"});
  repository.add_target(kDeepTarget, "content", "d3");
  repository.publish();
}

}  // namespace tenon::tests
