// The deltas of a release: from which images that devices run its new ones can be had for less, and which of them are worth
// their bytes. Bases are the images that are named, and those of earlier releases whose full payloads are at hand; what
// lies there is believed only when the device's own decoder makes of it the image that its release pins.
// Thread: one.
#pragma once

#include <tenon/repo_tools/catalog.h>
#include <tenon/repo_tools/payload_writer.h>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tenon::repo_tools {

inline constexpr std::size_t kMaxDeltas = 8;  // of an image; devices read 16 payloads of one

struct ImageFile {
  policies::Label slot;
  std::filesystem::path file;
};

struct DeltaOffer {
  std::vector<ImageFile> bases = {};         // beside those of earlier releases; each for a slot class of the release
  std::optional<std::uint64_t> budget = {};  // bytes, all deltas of one image; else half of its full payload
};

// DeltaBase is an image that devices run, as people call it: one of the two is there.
struct DeltaBase {
  std::optional<policies::Label> version = {};
  std::filesystem::path file = {};
  std::string text() const;
};

struct OfferedDelta {
  policies::Label slot;
  DeltaBase base;
  policies::Payload listed;
  std::filesystem::path file;  // in the scratch folder, synced
  PayloadIdentity payload;
  std::uint64_t full_bytes = 0;  // of the full payload of the same image
};

// PassedOver is a base without a delta, and why.
struct PassedOver {
  policies::Label slot;
  DeltaBase base;
  std::string why;
};

struct ReleaseDeltas {
  std::vector<OfferedDelta> offered = {};
  std::vector<PassedOver> passed_over = {};
};

// DeltaSources is where bases may come from, and what is done with them.
struct DeltaSources {
  const Repository& repository;
  std::span<const ListedRelease> earlier;  // of which devices of this release's hardware run one; lowest sequence first
  const metadata::Targets& targets;        // the role that lists their files
  std::filesystem::path scratch;           // room for an image that is unpacked
  unsigned workers = 2;                    // threads
};

// NewImage is an image of the release, built and checked.
struct NewImage {
  const policies::Image& listed;
  std::filesystem::path file;
  std::uint64_t full_bytes = 0;  // of its full payload
};

// check_bases looks at the named bases before the long work. Errors: E_USAGE for a slot class without an image; E_STORAGE, E_PARSE
// for what is no image.
Result<void> check_bases(const std::vector<ImageFile>& bases, const std::vector<ImageFile>& images);

// add_deltas builds the deltas of one image, and adds them to those there are: first from each named base, then from the
// earlier releases, the newest first, as long as they are worth it and within the budget. A delta that is not below half of the
// full payload, or above what is left of the budget, is dropped; an older release would need a larger one.
// Memory: that of build_delta.
// Errors: E_STORAGE, also for an image or a base that changes meanwhile; E_MISMATCH for a fault of ours.
Result<void> add_deltas(const DeltaSources& sources, const DeltaOffer& options, const NewImage& image,
                        ReleaseDeltas& deltas, Progress& progress);

// check_delta compares what a delta says of itself with what its release says. Whether it makes the image was seen when it was
// built: decoding all again would take their bases, and hours. Errors: those of read_delta_header; E_MISMATCH.
Result<void> check_delta(const std::filesystem::path& file, const policies::Image& image,
                         const policies::Payload::Delta& listed);

// with_full_alone is the release as it would be had no other payloads been made.
policies::Release with_full_alone(policies::Release release);

}  // namespace tenon::repo_tools
