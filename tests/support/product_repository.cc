#include <algorithm>

#include <tests/support/product_repository.h>

namespace tenon::tests {

using policies::Channel;
using policies::Image;
using policies::Label;
using policies::Release;
using policies::Sequence;

Label label(std::string_view text) {
  return *Label::parse(text);
}

policies::Bridge bridge(std::int64_t below, std::string_view via) {
  return {*Sequence::create(below), label(via)};
}

void add_product(RepositorySimulator& repository, const std::string& product) {
  repository.add_delegation(
      {.name = policies::releases_role(label(product)), .paths = {product + "/releases/*/*"}, .terminating = true});
  repository.add_delegation(
      {.name = policies::rollout_role(label(product)), .paths = {product + "/channels/*"}, .terminating = true});
}

Bytes segment_list(ByteView image, std::uint64_t segment_size) {
  Bytes list;
  while (!image.empty()) {
    const std::size_t length = std::min(image.size(), static_cast<std::size_t>(segment_size));
    const Sha256 digest = Sha256::of(image.first(length));
    list.insert(list.end(), digest.bytes.begin(), digest.bytes.end());
    image = image.subspan(length);
  }
  return list;
}

Release add_release(RepositorySimulator& repository, const ReleaseContent& content) {
  const Bytes segments = segment_list(content.image, content.segment_size);
  const std::string segments_file = content.slot + ".segments";
  const std::string payload_file = content.slot + "." + content.payload_kind;
  Release release{.product = label(content.product),
                  .version = label(content.version),
                  .sequence = *Sequence::create(content.sequence),
                  .floor = *Sequence::create(content.floor),
                  .hardware = {},
                  .images = {Image{.slot = label(content.slot),
                                   .size = content.image.size(),
                                   .sha256 = Sha256::of(content.image),
                                   .segment_size = content.segment_size,
                                   .segments_file = label(segments_file),
                                   .segments_length = segments.size(),
                                   .segments_sha256 = Sha256::of(segments),
                                   .payloads = {{.kind = content.payload_kind, .file = label(payload_file)}}}}};
  for (const std::string& id : content.hardware) release.hardware.push_back(label(id));
  release.bridges = content.bridges;

  const std::string role = policies::releases_role(release.product);
  const auto path = [&](const std::string& file) {
    return policies::release_file_path(release.product, release.version, file).text();
  };
  for (std::size_t i = 0; i < content.deltas.size(); ++i) {
    const std::string file = content.slot + "." + std::to_string(i) + ".delta";
    release.images.front().payloads.push_back({.kind = "delta", .file = label(file), .delta = content.deltas[i].facts});
    repository.add_target(path(file), content.deltas[i].payload, role);
  }
  if (content.local) {
    release.images.front().payloads.push_back(
        {.kind = "local", .file = label(content.slot + ".blocks"), .index = label(content.slot + ".index")});
    repository.add_target(path(content.slot + ".blocks"), content.local->blocks, role);
    repository.add_target(path(content.slot + ".index"), content.local->index, role);
  }
  repository.add_target(path("release.json"), json::to_text(release.to_json(), 1), role);
  repository.add_target(path(segments_file), segments, role);
  repository.add_target(path(payload_file), content.payload, role);
  return release;
}

Channel set_channel(RepositorySimulator& repository, const ChannelContent& content) {
  const Label product = label(content.product);
  const metadata::TargetPath release = policies::release_path(product, label(content.release));
  const metadata::TargetEntry* entry = repository.role(policies::releases_role(product)).find(release);
  TENON_CHECK(entry != nullptr);
  Channel channel{.product = product,
                  .channel = label(content.channel),
                  .serial = content.serial,
                  .release = label(content.release),
                  .release_sha256 = *entry->hashes.sha256,
                  .withdrawn = {},
                  .rollout = content.rollout};
  for (const std::string& version : content.withdrawn) channel.withdrawn.push_back(label(version));
  repository.add_target(policies::channel_path(product, channel.channel).text(), json::to_text(channel.to_json(), 1),
                        policies::rollout_role(product));
  return channel;
}

}  // namespace tenon::tests
