#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/delta_builder.h>
#include <tenon/repo_tools/progress_meter.h>
#include <tenon/repo_tools/release_deltas.h>
#include <tenon/repo_tools/repository_view.h>

#include <algorithm>
#include <set>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using policies::Payload;

constexpr std::size_t kShownDigits = 16;  // of a base's digest, in the name of a delta
constexpr std::string_view kLeaveThemOut =
    "is there room, and did no image change meanwhile? --delta-budget 0 leaves deltas out";

// Says of every piece of work which delta it is for.
class NamedProgress final : public Progress {
 public:
  NamedProgress(Progress& progress, std::string name) : progress_(&progress), name_(std::move(name)) {}
  void begin(std::string_view what, std::uint64_t total_bytes) override {
    progress_->begin(name_ + ": " + std::string(what), total_bytes);
  }
  void advance(std::uint64_t done_bytes) override { progress_->advance(done_bytes); }
  void end() override { progress_->end(); }

 private:
  Progress* progress_;
  std::string name_;
};

const Payload* full_payload_of(const policies::Image& image) {
  const auto full = std::ranges::find(image.payloads, Payload::kFull, &Payload::kind);
  return full == image.payloads.end() ? nullptr : &*full;
}

// Damage is what a file of the repository may have; any other error is one of this machine.
bool is_damage(const Error& error) {
  return error.code == ErrorCode::kParse || error.code == ErrorCode::kMismatch || error.code == ErrorCode::kLimit;
}

Error written_meanwhile(const fs::path& file) {
  return Error{ErrorCode::kStorage, printable(file.native()) + ": changed while a delta was built", "build it again"};
}

// The deltas of one image.
class Builder {
 public:
  Builder(const DeltaSources& sources, const DeltaOffer& options, const NewImage& image, ReleaseDeltas& deltas,
          Progress& progress)
      : sources_(&sources),
        image_(&image),
        budget_(options.budget.value_or(image.full_bytes / 2)),
        deltas_(&deltas),
        progress_(&progress) {}

  Result<void> add_named(const ImageFile& named) {
    const DeltaBase base{.file = named.file};
    TENON_TRY(const InputFile file, InputFile::open(named.file));
    TENON_TRY(const Sha256 sha256, digest_file(named.file));
    if (!seen_.insert(sha256).second) return {};
    TENON_TRY(const std::string why_not, offer(base, named.file, {file.size(), sha256}));
    if (!why_not.empty()) pass_over(base, why_not);
    TENON_TRY(const Sha256 at_the_end, digest_file(named.file));
    if (at_the_end == sha256) return {};
    return written_meanwhile(named.file);
  }

  Result<void> add_earlier() {
    for (auto listed = sources_->earlier.rbegin(); listed != sources_->earlier.rend() && !is_full(); ++listed) {
      const policies::Release& release = listed->release;
      const auto old = std::ranges::find(release.images, image_->listed.slot, &policies::Image::slot);
      if (old == release.images.end() || seen_.contains(old->sha256)) continue;
      const DeltaBase base{.version = release.version};
      const std::optional<fs::path> payload = payload_at_hand(release, *old);
      if (!payload) {
        pass_over(base, "its payload is not here; give the image with --base " + old->slot.text() + "=FILE");
        continue;
      }
      const fs::path unpacked = sources_->scratch / (old->slot.text() + ".base");
      NamedProgress progress(*progress_, name_of(base));
      if (Result<void> done = unpack_full_payload(*payload, *old, unpacked, progress); !done) {
        if (!is_damage(done.error())) return Error(done.error()).with_hint(std::string(kLeaveThemOut));
        pass_over(base, "its payload is damaged: " + done.error().message);
        continue;
      }
      seen_.insert(old->sha256);
      Result<std::string> why_not = offer(base, unpacked, {old->size, old->sha256});
      std::error_code error;
      fs::remove(unpacked, error);  // there may be no room for two
      if (!why_not) return std::move(why_not).error();
      if (why_not->empty()) continue;
      pass_over(base, *why_not);
      break;  // what is older resembles the image less
    }
    return {};
  }

  void pass_over(const DeltaBase& base, std::string why) {
    deltas_->passed_over.push_back({image_->listed.slot, base, std::move(why)});
  }
  bool has_no_budget() const { return budget_ == 0; }

 private:
  bool is_full() const { return count_ == kMaxDeltas || taken_ == budget_; }
  std::string name_of(const DeltaBase& base) const {
    return image_->listed.slot.text() + ": delta from " + base.text();
  }

  std::optional<fs::path> payload_at_hand(const policies::Release& release, const policies::Image& old) const {
    const Payload* full = full_payload_of(old);
    if (full == nullptr) return std::nullopt;
    const metadata::TargetPath path = policies::release_file_path(release.product, release.version, full->file.text());
    const metadata::TargetEntry* entry = sources_->targets.find(path);
    if (entry == nullptr || !entry->hashes.sha256) return std::nullopt;
    Result<fs::path> file = RepositoryView::with_staging(sources_->repository, {}).target(path, *entry->hashes.sha256);
    return file ? std::optional(*std::move(file)) : std::nullopt;
  }

  // What a delta is from, as the release states it.
  struct BaseIdentity {
    std::uint64_t size = 0;  // bytes
    Sha256 sha256;
  };

  // Gives why the delta was dropped, or nothing when it is offered.
  Result<std::string> offer(const DeltaBase& base, const fs::path& base_file, const BaseIdentity& identity) {
    const policies::Image& image = image_->listed;
    if (count_ == kMaxDeltas) return std::string("there are " + std::to_string(kMaxDeltas) + " deltas of this image");
    const Result<policies::Label> name =
        policies::Label::parse(image.slot.text() + ".from-" + identity.sha256.hex().substr(0, kShownDigits) + ".delta");
    if (!name) return "the name of its file: " + name.error().message;
    const DeltaRequest request{.base = base_file,
                               .image = image_->file,
                               .payload = sources_->scratch / name->text(),
                               .segment_size = image.segment_size,
                               .workers = sources_->workers};
    NamedProgress progress(*progress_, name_of(base));
    const Result<BuiltDelta> built = build_delta(request, progress);
    if (!built) {
      if (built.error().code == ErrorCode::kLimit) return built.error().message;
      return Error(built.error()).with_hint(std::string(kLeaveThemOut));
    }
    if (built->header.image_sha256 != image.sha256) {
      return written_meanwhile(image_->file);
    }
    if (std::string why_not = why_not_worth(built->payload_bytes); !why_not.empty()) {
      std::error_code error;
      fs::remove(request.payload, error);
      return why_not;
    }
    taken_ += built->payload_bytes;
    ++count_;
    Payload listed{std::string(Payload::kDelta), *name,
                   Payload::Delta{identity.size, identity.sha256, built->header.memory_bytes()}};
    deltas_->offered.push_back({image.slot,
                                base,
                                std::move(listed),
                                request.payload,
                                {built->payload_bytes, built->payload_sha256},
                                image_->full_bytes});
    return std::string();
  }

  std::string why_not_worth(std::uint64_t bytes) const {
    const std::string delta = "its delta, " + size_text(bytes) + ", is ";
    if (bytes * 2 >= image_->full_bytes) {
      return delta + "not below half of the full payload, " + size_text(image_->full_bytes);
    }
    if (bytes > budget_ - taken_) {
      return delta + "above what is left of the budget, " + size_text(budget_ - taken_);
    }
    return {};
  }

  const DeltaSources* sources_;
  const NewImage* image_;
  std::uint64_t budget_;  // bytes
  std::uint64_t taken_ = 0;
  std::size_t count_ = 0;
  std::set<Sha256> seen_;  // bases that were tried
  ReleaseDeltas* deltas_;
  Progress* progress_;
};

}  // namespace

std::string DeltaBase::text() const {
  return version ? version->text() : printable(file.native());
}

Result<void> check_bases(const std::vector<ImageFile>& bases, const std::vector<ImageFile>& images) {
  for (const ImageFile& base : bases) {
    if (std::ranges::find(images, base.slot, &ImageFile::slot) == images.end()) {
      return Error{ErrorCode::kUsage, "--base " + base.slot.text() + "=" + printable(base.file.native()) +
                                          ": no --image is for " + base.slot.text()}
          .with_hint("a delta leads from the image that a slot holds to the new one of the same slot class");
    }
    TENON_TRY(const InputFile file, InputFile::open(base.file));
    if (file.size() == 0) return Error{ErrorCode::kParse, printable(base.file.native()) + ": is empty"};
  }
  return {};
}

Result<void> add_deltas(const DeltaSources& sources, const DeltaOffer& options, const NewImage& image,
                        ReleaseDeltas& deltas, Progress& progress) {
  Builder builder(sources, options, image, deltas, progress);
  for (const ImageFile& named : options.bases) {
    if (named.slot != image.listed.slot) continue;
    if (builder.has_no_budget()) {
      builder.pass_over({.file = named.file}, "the budget is 0");
    } else {
      TENON_TRY_VOID(builder.add_named(named));
    }
  }
  return builder.has_no_budget() ? Result<void>() : builder.add_earlier();
}

Result<void> check_delta(const fs::path& file, const policies::Image& image, const Payload::Delta& listed) {
  TENON_TRY(const client::DeltaHeader header, read_delta_header(file));
  const auto differs = [&](const std::string& what, std::uint64_t says, std::uint64_t wanted) {
    return Error{ErrorCode::kMismatch, printable(file.native()) + ": " + what + " is " + std::to_string(says) +
                                           ", the release says " + std::to_string(wanted)};
  };
  if (header.image_size != image.size) return differs("the size of its image", header.image_size, image.size);
  if (header.segment_size != image.segment_size) {
    return differs("the size of its segments", header.segment_size, image.segment_size);
  }
  if (header.base_size > listed.base_size) {
    return differs("the size of its base", header.base_size, listed.base_size);
  }
  if (header.memory_bytes() > listed.memory) {
    return differs("the memory that it takes", header.memory_bytes(), listed.memory);
  }
  if (header.image_sha256 == image.sha256) return {};
  return Error{ErrorCode::kMismatch, printable(file.native()) + ": makes another image than that of the release"};
}

policies::Release with_full_alone(policies::Release release) {
  for (policies::Image& image : release.images) {
    std::erase_if(image.payloads, [](const Payload& payload) { return payload.kind != Payload::kFull; });
  }
  return release;
}

}  // namespace tenon::repo_tools
