#include <tenon/metadata/meta_entry.h>
#include <tenon/policies/release.h>

#include <algorithm>
#include <bit>
#include <set>

namespace tenon::policies {
namespace {

constexpr std::int64_t kSchema = 1;
constexpr std::uint64_t kMinSegmentBytes = 64u << 10;
constexpr std::uint64_t kMaxSegmentBytes = 16u << 20;
constexpr std::size_t kMaxEntries = 16;  // images and bridges of a release, payloads of an image
constexpr std::size_t kMaxHardware = 256;

Result<std::uint64_t> read_bytes(json::Fields& fields, std::string_view name) {
  TENON_TRY(const std::int64_t value, fields.integer(name));
  if (value < 0) return fields.error("\"" + std::string(name) + "\" is negative");
  return static_cast<std::uint64_t>(value);
}

Result<Sha256> read_sha256(json::Fields& fields) {
  TENON_TRY(const std::string hex, fields.string("sha256"));
  return Sha256::parse(hex).with_context(fields.where());
}

Result<const json::Array*> read_list(json::Fields& fields, std::string_view name, std::size_t most) {
  TENON_TRY(const json::Array* entries, fields.array(name));
  if (entries->empty() || entries->size() > most) {
    return fields.error("\"" + std::string(name) + "\" has " + std::to_string(entries->size()) + " entries, not 1 to " +
                        std::to_string(most));
  }
  return entries;
}

Result<Payload> read_payload(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "payload"));
  TENON_TRY(std::string kind, fields.string("kind"));
  TENON_TRY(Label file, Label::read(fields, "file"));
  Payload payload{std::move(kind), std::move(file)};
  if (payload.kind == Payload::kLocal) {
    TENON_TRY(payload.index, Label::read(fields, "index"));
  }
  if (payload.kind != Payload::kDelta) return payload;
  TENON_TRY(json::Fields base, fields.object("base"));
  TENON_TRY(const std::uint64_t base_size, read_bytes(base, "size"));
  if (base_size == 0) return base.error("size is 0");
  TENON_TRY(const Sha256 base_sha256, read_sha256(base));
  TENON_TRY(const std::uint64_t memory, read_bytes(fields, "memory"));
  payload.delta = {base_size, base_sha256, memory};
  return payload;
}

json::Value write_payload(const Payload& payload) {
  json::Object object;
  object.set("kind", payload.kind);
  object.set("file", payload.file.text());
  if (payload.delta) {
    json::Object base;
    base.set("size", static_cast<std::int64_t>(payload.delta->base_size));
    base.set("sha256", payload.delta->base_sha256.hex());
    object.set("base", std::move(base));
    object.set("memory", static_cast<std::int64_t>(payload.delta->memory));
  }
  if (payload.index) object.set("index", payload.index->text());
  return object;
}

Result<Image> read_image(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "image"));
  TENON_TRY(const Label slot, Label::read(fields, "slot"));
  TENON_TRY(const std::uint64_t size, read_bytes(fields, "size"));
  TENON_TRY(const Sha256 sha256, read_sha256(fields));
  TENON_TRY(const std::uint64_t segment_size, read_bytes(fields, "segment_size"));
  if (size == 0) return fields.error("size is 0");
  if (!std::has_single_bit(segment_size) || segment_size < kMinSegmentBytes || segment_size > kMaxSegmentBytes) {
    return fields.error("segment_size " + std::to_string(segment_size) + " is no power of two from 64 KiB to 16 MiB");
  }
  TENON_TRY(json::Fields segments, fields.object("segments"));
  TENON_TRY(const Label segments_file, Label::read(segments, "file"));
  TENON_TRY(const std::uint64_t segments_length, metadata::read_length(segments));
  TENON_TRY(const Sha256 segments_sha256, read_sha256(segments));
  const std::uint64_t count = (size - 1) / segment_size + 1;
  if (count > kMaxSegments) {
    return Error{ErrorCode::kLimit, std::to_string(count) + " segments, at most " + std::to_string(kMaxSegments)}
        .with_hint("build the release with larger segments");
  }
  if (segments_length != count * sizeof(Sha256))
    return fields.error("the segment list is not 32 bytes for each segment");
  TENON_TRY(const json::Array* entries, read_list(fields, "payloads", kMaxEntries));
  std::vector<Payload> payloads;
  for (const json::Value& entry : *entries) {
    TENON_TRY(Payload payload, read_payload(entry));
    payloads.push_back(std::move(payload));
  }
  return Image{slot, size, sha256, segment_size, segments_file, segments_length, segments_sha256, std::move(payloads)};
}

Result<std::vector<Bridge>> read_bridges(json::Fields& fields, const Label& version, Sequence sequence) {
  std::vector<Bridge> bridges;
  if (fields.optional("bridges") == nullptr) return bridges;
  TENON_TRY(const json::Array* entries, read_list(fields, "bridges", kMaxEntries));
  Sequence lowest = Sequence::first();  // no device runs less
  for (const json::Value& entry : *entries) {
    TENON_TRY(json::Fields bridge, json::Fields::of(entry, "bridge"));
    TENON_TRY(const Sequence below, Sequence::read(bridge, "below"));
    TENON_TRY(Label via, Label::read(bridge, "via"));
    if (below <= lowest || below >= sequence) {
      return bridge.error("below " + std::to_string(below.value()) + " is not above " + std::to_string(lowest.value()) +
                          " and below the release's own sequence, " + std::to_string(sequence.value()));
    }
    if (via == version) return bridge.error("the release leads over itself");
    lowest = below;
    bridges.push_back({below, std::move(via)});
  }
  return bridges;
}

json::Value write_bridge(const Bridge& bridge) {
  json::Object object;
  object.set("below", bridge.below.value());
  object.set("via", bridge.via.text());
  return object;
}

json::Value write_image(const Image& image) {
  json::Object segments;
  segments.set("file", image.segments_file.text());
  segments.set("length", static_cast<std::int64_t>(image.segments_length));
  segments.set("sha256", image.segments_sha256.hex());
  json::Array payloads;
  for (const Payload& payload : image.payloads) payloads.push_back(write_payload(payload));
  json::Object object;
  object.set("slot", image.slot.text());
  object.set("size", static_cast<std::int64_t>(image.size));
  object.set("sha256", image.sha256.hex());
  object.set("segment_size", static_cast<std::int64_t>(image.segment_size));
  object.set("segments", std::move(segments));
  object.set("payloads", std::move(payloads));
  return object;
}

json::Value write_attachment(const Attachment& attachment) {
  json::Object object;
  object.set("kind", attachment.kind);
  object.set("file", attachment.file.text());
  object.set("sha256", attachment.sha256.hex());
  return object;
}

}  // namespace

std::uint64_t Image::segment_length(std::uint64_t index) const {
  return std::min(segment_size, size - index * segment_size);
}

Result<Release> Release::parse(ByteView file) {
  TENON_TRY(const json::Value value, json::parse(file, {.max_bytes = kMaxReleaseBytes}));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "release.json"));
  TENON_TRY(const std::int64_t schema, fields.integer("schema"));
  if (schema != kSchema) return fields.error("schema " + std::to_string(schema) + " is not 1");
  TENON_TRY(const Label product, Label::read(fields, "product"));
  TENON_TRY(const Label version, Label::read(fields, "version"));
  TENON_TRY(const Sequence sequence, Sequence::read(fields, "sequence"));
  TENON_TRY(const Sequence floor, Sequence::read(fields, "floor"));
  if (floor > sequence) return fields.error("floor is above the release's own sequence");
  Release release{product, version, sequence, floor, {}, {}};
  TENON_TRY(const json::Array* hardware, read_list(fields, "hardware", kMaxHardware));
  for (const json::Value& entry : *hardware) {
    if (entry.string() == nullptr) return fields.error("a hardware id is " + std::string(entry.kind()));
    TENON_TRY(Label id, Label::parse(*entry.string()).with_context("release.json.hardware"));
    release.hardware.push_back(std::move(id));
  }
  TENON_TRY(const json::Array* images, read_list(fields, "images", kMaxEntries));
  std::set<Label> slots;
  for (const json::Value& entry : *images) {
    TENON_TRY(Image image, read_image(entry));
    if (!slots.insert(image.slot).second) return fields.error("two images for slot class " + image.slot.text());
    release.images.push_back(std::move(image));
  }
  if (fields.optional("notes") != nullptr) {
    TENON_TRY(release.notes, fields.string("notes"));
  }
  if (fields.optional("kind") != nullptr) {
    TENON_TRY(release.kind, Label::read(fields, "kind"));
  }
  if (fields.optional("attachments") != nullptr) {
    TENON_TRY(const json::Array* entries, read_list(fields, "attachments", kMaxEntries));
    for (const json::Value& entry : *entries) {
      TENON_TRY(json::Fields attachment, json::Fields::of(entry, "attachment"));
      TENON_TRY(std::string kind, attachment.string("kind"));
      TENON_TRY(Label name, Label::read(attachment, "file"));
      TENON_TRY(const Sha256 sha256, read_sha256(attachment));
      release.attachments.push_back({std::move(kind), std::move(name), sha256});
    }
  }
  TENON_TRY(release.bridges, read_bridges(fields, version, sequence));
  return release;
}

json::Value Release::to_json() const {
  json::Array hardware_ids;
  for (const Label& id : hardware) hardware_ids.push_back(id.text());
  json::Array image_objects;
  for (const Image& image : images) image_objects.push_back(write_image(image));
  json::Object object;
  object.set("schema", kSchema);
  object.set("product", product.text());
  object.set("version", version.text());
  object.set("sequence", sequence.value());
  object.set("floor", floor.value());
  object.set("hardware", std::move(hardware_ids));
  object.set("images", std::move(image_objects));
  if (!notes.empty()) object.set("notes", notes);
  if (kind) object.set("kind", kind->text());
  json::Array attachment_objects;
  for (const Attachment& attachment : attachments) attachment_objects.push_back(write_attachment(attachment));
  if (!attachments.empty()) object.set("attachments", std::move(attachment_objects));
  json::Array bridge_objects;
  for (const Bridge& bridge : bridges) bridge_objects.push_back(write_bridge(bridge));
  if (!bridges.empty()) object.set("bridges", std::move(bridge_objects));
  return object;
}

std::string Release::title() const {
  return version.text() + " (sequence " + std::to_string(sequence.value()) + ")";
}

const Bridge* Release::bridge_for(std::optional<Sequence> running) const {
  const auto applies = [&](const Bridge& bridge) { return !running || *running < bridge.below; };
  const auto first = std::ranges::find_if(bridges, applies);
  return first == bridges.end() ? nullptr : &*first;
}

// Sequences fall from each release to its bridge, so that no way goes in a circle.
Result<void> Release::check_bridge(const Bridge& bridge, const Release& via) const {
  const auto refused = [&](const std::string& why) {
    return Error{ErrorCode::kPolicy, title() + " leads devices below sequence " + std::to_string(bridge.below.value()) +
                                         " over " + bridge.via.text() + ", " + why};
  };
  if (via.product != product || via.version != bridge.via) {
    return refused("and what lies there is " + via.title() + " of " + via.product.text());
  }
  if (via.sequence < bridge.below) {
    return refused("which is only sequence " + std::to_string(via.sequence.value()));
  }
  if (via.sequence >= sequence) {
    return refused("which is not older: sequence " + std::to_string(via.sequence.value()));
  }
  return {};
}

// Labels cannot make a path that TargetPath refuses.
metadata::TargetPath release_file_path(const Label& product, const Label& version, std::string_view file) {
  return *metadata::TargetPath::parse(product.text() + "/releases/" + version.text() + "/" + std::string(file));
}
metadata::TargetPath release_path(const Label& product, const Label& version) {
  return release_file_path(product, version, "release.json");
}
metadata::TargetPath channel_path(const Label& product, const Label& channel) {
  return *metadata::TargetPath::parse(product.text() + "/channels/" + channel.text() + ".json");
}

std::string releases_role(const Label& product) {
  return "releases." + product.text();
}
std::string rollout_role(const Label& product) {
  return "rollout." + product.text();
}

}  // namespace tenon::policies
