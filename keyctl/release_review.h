// The releases that a targets role newly pins: whoever signs the role is shown each release.json, whose hash was
// checked. Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/metadata/targets.h>
#include <tenon/policies/release.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tenon::keyctl {

// DroppedBridge is a bridge of the release before that a new one does not have: devices below it and not below `from`
// come straight, or first over another.
struct DroppedBridge {
  policies::Bridge bridge;
  policies::Sequence from = policies::Sequence::first();
  std::optional<policies::Label> instead = {};
  bool operator==(const DroppedBridge&) const = default;
};

struct PinnedRelease {
  std::string path;
  policies::Release release;
  std::vector<policies::Release> bridges = {};  // what each of its bridges leads over, in their order
  std::vector<DroppedBridge> dropped = {};      // compared with the newest earlier release of the product
};

// pinned_releases reads the release.json of every release that is new or changed, and judges the bridges of all that
// are carried: what changes may be what an older release leads over. contents are files by target path.
// Errors: E_POLICY for a release that is pinned and not carried, for one at another release's path, for a segment list
// that the role does not pin as the release says, or for a bridge over a release that the role does not list or that
// leads nowhere; E_MISMATCH for other bytes; E_PARSE.
Result<std::vector<PinnedRelease>> pinned_releases(const metadata::Targets* before, const metadata::Targets& after,
                                                   const std::map<std::string, std::string>& contents);

// describe_release says what a device would run: version, order, hardware, images and bridges. Whole lines, safe for a
// terminal.
std::vector<std::string> describe_release(const PinnedRelease& pinned);

}  // namespace tenon::keyctl
