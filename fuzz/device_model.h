// DeviceModel: a device that refreshes, as a loop around RefreshSession that aborts when a promise is broken:
//   - on an error nothing has changed: the session asks for the same again and refuses the same file again;
//   - floors never fall, but for a root that no longer lists, in its role, a key they were learned under;
//   - what may be stored are the bytes that were served, and really signed by the keys that the trusted root names;
//   - a session ends within its limits; what it trusts in the end fits together, is not expired, and is what is stored.
#pragma once

#include <tenon/client/workflow/refresh_session.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tests/support/repository_simulator.h>

namespace tenon::fuzz {

struct DeviceModel {
  Bytes embedded_root;
  metadata::Rules rules;
  std::map<std::string, Bytes> files = {};
  metadata::VersionFloors floors = {};

  bool operator==(const DeviceModel& other) const { return files == other.files && floors == other.floors; }
};

// How a cycle goes, but for what the repository serves.
struct Cycle {
  std::optional<std::size_t> cut_after = {};  // so many replies, then the power goes, and with it the new floors
  bool cut_before_saving = false;             // the last of them may be stored, and is not
  bool try_honest_files = false;              // after a refusal the honest file is fed to the same session
};

struct CycleResult {
  std::optional<Error> refused = {};
  bool cut = false;
  std::vector<std::string> requested = {};
  std::vector<std::string> stored = {};
  std::optional<client::TrustedRepository> trusted = {};

  bool accepted() const { return trusted.has_value(); }
};

CycleResult run_cycle(DeviceModel& device, tests::RepositorySimulator& repository, const Cycle& cycle = {});

// trusted_root is the newest root that the device's own files lead to.
metadata::Root trusted_root(const DeviceModel& device);

// same_verdict compares all but what was trusted, which is compared by what is stored.
bool same_verdict(const CycleResult& a, const CycleResult& b);

}  // namespace tenon::fuzz
