#include <tenon/policies/trip.h>
#include <tenon/repo_tools/bridges.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

using policies::Bridge;
using policies::Label;
using policies::Release;

Result<Release> find_via(const Release& release, const Bridge& bridge, std::span<const ListedRelease> listed) {
  std::string known;
  for (const ListedRelease& one : listed) {
    if (one.release.version == bridge.via) return one.release;
    known += (known.empty() ? "it has: " : ", ") + one.release.version.text();
  }
  return Error{ErrorCode::kUsage, release.title() + " leads over " + bridge.via.text() + ", and " +
                                      release.product.text() + " has no such release"}
      .with_hint(known.empty() ? "add the bridge first" : known + "; add the bridge first");
}

// A device of that hardware would not set off.
Result<void> check_hardware(const Release& release, const Release& via) {
  for (const Label& hardware : release.hardware) {
    if (std::ranges::find(via.hardware, hardware) != via.hardware.end()) continue;
    return Error{ErrorCode::kPolicy, release.title() + " is for hardware " + hardware.text() + " and leads over " +
                                         via.title() + ", which is not"}
        .with_hint("lead over a release that is for " + hardware.text() + " too, or leave that hardware out");
  }
  return {};
}

Result<void> check_bridge(const Release& release, const Bridge& bridge, std::span<const ListedRelease> listed) {
  TENON_TRY(const Release via, find_via(release, bridge, listed));
  TENON_TRY_VOID(check_hardware(release, via));
  Result<void> checked = release.check_bridge(bridge, via);
  if (checked) return checked;
  return std::move(checked).error().with_hint("a bridge is a listed release of sequence " +
                                              std::to_string(bridge.below.value()) + " to " +
                                              std::to_string(release.sequence.value() - 1));
}

Result<void> check_trip(const Release& release, std::optional<policies::Sequence> running,
                        std::span<const ListedRelease> listed) {
  policies::Trip trip(release, running);
  return policies::complete_trip(trip, [&](const Bridge& bridge) { return find_via(trip.next(), bridge, listed); });
}

}  // namespace

Result<void> check_bridges(const Release& release, std::span<const ListedRelease> listed) {
  for (const Bridge& bridge : release.bridges) TENON_TRY_VOID(check_bridge(release, bridge, listed));
  TENON_TRY_VOID(check_trip(release, std::nullopt, listed));
  for (const ListedRelease& one : listed) TENON_TRY_VOID(check_trip(release, one.release.sequence, listed));
  return {};
}

const Release* leads_over(const Label& version, std::span<const ListedRelease> listed) {
  for (const ListedRelease& one : listed) {
    if (std::ranges::find(one.release.bridges, version, &Bridge::via) != one.release.bridges.end()) return &one.release;
  }
  return nullptr;
}

}  // namespace tenon::repo_tools
