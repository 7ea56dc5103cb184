// Settings: tenon-repo.json, what a repository folder is: its products, and how long what is drafted stays valid. The
// file makes a folder a repository; it is written by `tenon-repo init` and may be edited by people.
// {"format": "tenon-repo-1", "lab": false, "products": ["demo"],
//  "expiry_days": {"targets": 365, "releases": 365, "rollout": 90, "snapshot": 30, "timestamp": 7}}
// Thread: values.
#pragma once

#include <tenon/metadata/result.h>
#include <tenon/metadata/utc_time.h>
#include <tenon/policies/label.h>
#include <tenon/repo_tools/role_id.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// Days is a lifetime, 1 day to 10 years.
class Days {
 public:
  // create Errors: E_PARSE outside the range.
  static Result<Days> create(std::int64_t value);
  // parse reads "7", "7d" or "2w". Errors: E_USAGE.
  static Result<Days> parse(std::string_view text);

  std::int64_t value() const { return value_; }
  std::int64_t seconds() const { return value_ * 86'400; }
  metadata::UtcTime after(metadata::UtcTime now) const { return now.plus_seconds(seconds()); }
  auto operator<=>(const Days&) const = default;

 private:
  friend struct ExpiryDays;
  constexpr explicit Days(std::int64_t value) : value_(value) {}
  std::int64_t value_;
};

// ExpiryDays is how long a draft of each kind of role lives. The timestamp is short: it bounds how long a mirror can
// hide news (DESIGN 9).
struct ExpiryDays {
  Days targets = Days(365);
  Days releases = Days(365);
  Days rollout = Days(90);
  Days snapshot = Days(30);
  Days timestamp = Days(7);

  Days of(const RoleId& role) const;
  bool operator==(const ExpiryDays&) const = default;
};

struct Settings {
  static constexpr std::size_t kMaxBytes = 16 << 20;  // of which most are the names of removed releases

  std::vector<policies::Label> products;
  // Releases that were taken off the list, as "product/version": their versions stand for them for ever.
  std::set<std::string> removed = {};
  // Roles whose target files lie on other servers than this folder's public/targets, where publishing does not look.
  std::set<std::string> served_elsewhere = {};
  ExpiryDays expiry = {};
  bool is_lab =
      false;  // may publish without a policy, or under a lab's; "lab" is absent in files of old: for production

  // parse refuses unknown members. Errors: E_PARSE.
  static Result<Settings> parse(ByteView file);
  std::string to_text() const;
  // require_product Errors: E_USAGE, naming those there are.
  Result<void> require_product(const policies::Label& product) const;
  bool operator==(const Settings&) const = default;
};

}  // namespace tenon::repo_tools
