#include <tenon/repo_tools/listing.h>
#include <tenon/repo_tools/progress_meter.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

std::string joined(const std::vector<policies::Label>& labels) {
  std::string text;
  for (const policies::Label& label : labels) text += (text.empty() ? "" : ", ") + label.text();
  return text;
}

std::string line_of(const policies::Release& release) {
  std::uint64_t bytes = 0;
  std::ptrdiff_t deltas = 0;
  for (const policies::Image& image : release.images) {
    bytes += image.size;
    deltas += std::ranges::count(image.payloads, policies::Payload::kDelta, &policies::Payload::kind);
  }
  std::string line = release.version.text() + "  sequence " + std::to_string(release.sequence.value()) + ", floor " +
                     std::to_string(release.floor.value()) + ", for " + joined(release.hardware) + ", " +
                     std::to_string(release.images.size()) +
                     (release.images.size() == 1 ? " image of " : " images of ") + size_text(bytes);
  if (deltas > 0) line += ", " + std::to_string(deltas) + (deltas == 1 ? " delta" : " deltas");
  for (const policies::Bridge& bridge : release.bridges) {
    line += ", below " + std::to_string(bridge.below.value()) + " over " + bridge.via.text();
  }
  return line;
}

std::string line_of(const policies::Channel& channel) {
  std::string line = channel.channel.text() + "  " + channel.release.text() + ", serial " +
                     std::to_string(channel.serial) + ", " + channel.rollout.text();
  if (!channel.withdrawn.empty()) line += "; withdrawn: " + joined(channel.withdrawn);
  return line;
}

}  // namespace

Result<Listing> list_product(const Repository& repository, const policies::Label& product) {
  Listing listing{product};
  TENON_TRY(listing.releases, listed_releases(repository, product));
  TENON_TRY(listing.channels, listed_channels(repository, product));
  return listing;
}

std::string Listing::to_text() const {
  std::string text = product.text() + "\n";
  for (const ListedRelease& listed : releases) text += "  release  " + line_of(listed.release) + "\n";
  for (const policies::Channel& channel : channels) text += "  channel  " + line_of(channel) + "\n";
  return text;
}

json::Value Listing::to_json() const {
  json::Array all_releases;
  for (const ListedRelease& listed : releases) all_releases.push_back(listed.release.to_json());
  json::Array all_channels;
  for (const policies::Channel& channel : channels) all_channels.push_back(channel.to_json());
  json::Object object;
  object.set("product", product.text());
  object.set("releases", std::move(all_releases));
  object.set("channels", std::move(all_channels));
  return object;
}

}  // namespace tenon::repo_tools
