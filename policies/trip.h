// Trip: a device's way to the release that its channel names: straight there, or over the bridges that release managers
// have signed, one update after the other. It does no I/O: it says which release is wanted next, and whoever reads
// that, signed as any release, adds it. What it leads to, the release managers said; a channel cannot.
//
//   Trip trip = begin_trip(channel, named, facts);
//   TENON_TRY_VOID(complete_trip(trip, [&](const Bridge& bridge) { return /* the release bridge.via */; }));
//   decide(channel, trip, facts);  // on trip.next()
//
// Thread: values.
#pragma once

#include <tenon/policies/release.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tenon::policies {

class Trip {
 public:
  static constexpr std::size_t kMaxBridges = 8;  // each is an update with its reboots

  // Trip running is the sequence that the device runs; absent when it does not know.
  Trip(Release destination, std::optional<Sequence> running);

  // wanted gives the bridge whose release is to be added, null when the way is found. It holds until add().
  const Bridge* wanted() const;
  // add Pre: wanted(). Errors: E_POLICY for a release that check_bridge() refuses; E_LIMIT for one more than
  // kMaxBridges.
  Result<void> add(Release bridge);

  const Release& destination() const { return stops_.front(); }
  // next is what this device installs next, once nothing is wanted: a bridge, or the destination.
  const Release& next() const { return stops_.back(); }
  bool is_straight() const { return stops_.size() == 1; }
  // stops are from the destination back to next().
  const std::vector<Release>& stops() const { return stops_; }

 private:
  std::optional<Sequence> running_;
  std::vector<Release> stops_;
};

// complete_trip adds the bridges until nothing is wanted: find(const Bridge&) gives the release that one leads over, as
// a Result<Release>; while it looks, trip.next() is the release whose bridge it is. Errors: those of find, which name
// the bridge, and of add().
template <class Find>
Result<void> complete_trip(Trip& trip, Find find) {
  while (const Bridge* bridge = trip.wanted()) {
    const std::string where = "bridge " + bridge->via.text() + " to " + trip.next().title();
    TENON_TRY(Release via, find(*bridge).with_context(where));
    TENON_TRY_VOID(trip.add(std::move(via)));
  }
  return {};
}

}  // namespace tenon::policies
