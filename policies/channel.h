// Channel: which signed release is current for those who follow it. Its key can only choose among releases that release
// managers have signed; it can hold a device back, never take it to an older release.
#pragma once

#include <tenon/metadata/digest.h>
#include <tenon/policies/label.h>
#include <tenon/policies/rollout.h>

#include <cstdint>
#include <vector>

namespace tenon::policies {

inline constexpr std::size_t kMaxChannelBytes = 64 * 1024;  // of a channel document

struct Channel {
  Label product;
  Label channel;
  std::int64_t serial = 1;       // never falls
  Label release;                 // the version that is current
  Sha256 release_sha256;         // of that version's release.json
  std::vector<Label> withdrawn;  // versions that nobody installs any more
  Rollout rollout = {};

  bool withdraws(const Label& version) const;

  // parse Errors: E_PARSE. Members that are not known are left alone.
  static Result<Channel> parse(ByteView file);
  json::Value to_json() const;
  bool operator==(const Channel&) const = default;
};

}  // namespace tenon::policies
