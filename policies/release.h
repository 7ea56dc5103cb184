// Release: what release managers sign: one version of a product, the hardware it is for, its place in the order of
// releases, and its images with the list of their segments. Read by devices, tools and the people who sign it.
// Members that are not known are left alone: what a device must understand comes with a new schema number.
#pragma once

#include <tenon/metadata/digest.h>
#include <tenon/metadata/target_path.h>
#include <tenon/policies/label.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::policies {

inline constexpr std::uint64_t kMaxSegments = 1u << 18;  // of an image: a list of 8 MiB, 256 GiB in segments of 1 MiB
inline constexpr std::size_t kMaxReleaseBytes = 256 * 1024;  // of release.json; a release of 16 images needs 16 KiB

// Payload is a file from which an image's segments can be made.
struct Payload {
  static constexpr std::string_view kFull = "full";
  static constexpr std::string_view kDelta = "delta";
  static constexpr std::string_view kLocal = "local";

  // Delta is what a device must have before it takes a delta.
  struct Delta {
    std::uint64_t base_size = 0;  // bytes: so many of the slot that runs are the base
    Sha256 base_sha256;
    std::uint64_t memory = 0;  // bytes, what decoding takes at most
    bool operator==(const Delta&) const = default;
  };

  std::string kind;                 // kinds that are not known are passed over
  Label file;                       // beside release.json
  std::optional<Delta> delta = {};  // of kDelta, and of it alone
  std::optional<Label> index = {};  // of kLocal, and of it alone: the file that says which blocks to look for
  bool operator==(const Payload&) const = default;
};

struct Image {
  Label slot;                      // the slot class it fills, "rootfs"
  std::uint64_t size = 0;          // bytes, above 0
  Sha256 sha256;                   // of the whole image
  std::uint64_t segment_size = 0;  // bytes, a power of two from 64 KiB to 16 MiB
  Label segments_file;             // the segment list: 32 bytes for each segment
  std::uint64_t segments_length = 0;
  Sha256 segments_sha256;
  std::vector<Payload> payloads;

  std::uint64_t segment_count() const { return (size + segment_size - 1) / segment_size; }
  // segment_length Units: bytes. Pre: index < segment_count(). The last segment may be shorter.
  std::uint64_t segment_length(std::uint64_t index) const;
  bool operator==(const Image&) const = default;
};

// Attachment is a file beside release.json that no device reads: what the images are made of, or how they were made.
struct Attachment {
  static constexpr std::string_view kSbom = "sbom";
  static constexpr std::string_view kProvenance = "provenance";
  std::string kind;  // kinds that are not known are passed over
  Label file;
  Sha256 sha256;
  bool operator==(const Attachment&) const = default;
};

// Bridge is a release that devices go over first when they run too old a one, as where a new layout of the disk or of the
// boot environment needs a step between.
struct Bridge {
  Sequence below;  // devices that run less go over it
  Label via;       // its version
  bool operator==(const Bridge&) const = default;
};

struct Release {
  Label product;
  Label version;
  Sequence sequence = Sequence::first();
  Sequence floor = Sequence::first();  // the lowest sequence that may still be installed once this is confirmed
  std::vector<Label> hardware;         // at least one
  std::vector<Image> images;           // at least one, each for another slot class
  std::string notes = {};
  std::optional<Label> kind = {};  // of the update, for people: "security"
  std::vector<Attachment> attachments = {};
  std::vector<Bridge> bridges = {};  // the lowest `below` first

  // parse Errors: E_PARSE; E_LIMIT for more segments than a device holds a list of.
  static Result<Release> parse(ByteView file);
  json::Value to_json() const;
  // title is what people are shown: "1.4.0 (sequence 6)".
  std::string title() const;

  // bridge_for gives the bridge that a device takes first which runs that sequence, null when it may come straight here. A
  // device that does not know what it runs takes the lowest.
  const Bridge* bridge_for(std::optional<Sequence> running) const;
  // check_bridge Pre: the bridge is one of ours. Errors: E_POLICY for a release that is not what the bridge names, that
  // does not take a device past the bridge, or that is not older than this one.
  Result<void> check_bridge(const Bridge& bridge, const Release& via) const;
  bool operator==(const Release&) const = default;
};

// The target paths of DESIGN: <product>/releases/<version>/<file>, <product>/channels/<channel>.json.
metadata::TargetPath release_file_path(const Label& product, const Label& version, std::string_view file);
metadata::TargetPath release_path(const Label& product, const Label& version);
metadata::TargetPath channel_path(const Label& product, const Label& channel);

// The role names of a product: releases.<product>, rollout.<product>.
std::string releases_role(const Label& product);
std::string rollout_role(const Label& product);

}  // namespace tenon::policies
