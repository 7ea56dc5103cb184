// AppData: what the device's own programs keep, which no image replaces. A release that changes its form gets an edition of its own, a
// changed copy, so that the release from before finds what it left.
#pragma once

#include <tenon/metadata/result.h>

#include <cstdint>
#include <optional>
#include <string>

namespace tenon::client {

// AppDataOwner is who is about to use the data.
struct AppDataOwner {
  std::int64_t sequence = 0;  // of the release that runs
  std::optional<std::int64_t> confirmed =
      {};  // on a trial: up to here data are of releases that were kept, if that is known
  std::optional<std::int64_t> left = {};  // on no trial: one that was confirmed, and left for this one that is older
  bool has_fallback = false;              // the other slot group may start yet, and needs its own data
  bool operator==(const AppDataOwner&) const = default;
};

class AppData {
 public:
  virtual ~AppData() = default;

  // settle lets the programs find the edition that belongs to the owner; it makes one where the owner's image wants one of
  // its own and there is none. It may be called again after a cut anywhere inside. Caller must: call it before those
  // programs start. Returns: what was made, for people; "" when there was nothing to make.
  // Errors: E_STORAGE, E_LIMIT, E_HW when the image's own command failed; the programs then find what they found before, or on
  // a trial what its fallback works with.
  virtual Result<std::string> settle(const AppDataOwner& owner) = 0;

  // is_settled changes nothing. Errors: E_STORAGE, E_LIMIT
  virtual Result<bool> is_settled(const AppDataOwner& owner) = 0;
};

}  // namespace tenon::client
