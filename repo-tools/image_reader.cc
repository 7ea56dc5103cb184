#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/image_reader.h>

namespace tenon::repo_tools {
namespace {

using policies::Image;
using policies::Label;
using policies::Release;

// An image as devices judge it, by the one function that reads releases: size, segment size and number of segments.
Result<void> check_shape(const Image& image) {
  const Label any = image.slot;
  const Release release{any, any, policies::Sequence::first(), policies::Sequence::first(), {any}, {image}};
  const Result<Release> read = Release::parse(as_bytes(json::to_text(release.to_json())));
  if (!read) return read.error();
  return {};
}

}  // namespace

Result<ImageReader> ImageReader::open(const std::filesystem::path& file, const Label& slot,
                                      std::uint64_t segment_size) {
  const std::string place = printable(file.native());
  TENON_TRY(InputFile input, InputFile::open(file));
  if (input.size() == 0) return Error{ErrorCode::kParse, place + ": is empty"};
  TENON_TRY(const Label segments_file, Label::parse(slot.text() + ".segments"));
  TENON_TRY(const Label payload_file, Label::parse(slot.text() + ".full.zst"));
  Image image{slot, input.size(), {}, segment_size, segments_file, 0, {}, {{"full", payload_file}}};
  if (segment_size != 0) image.segments_length = image.segment_count() * sizeof(Sha256);
  TENON_TRY_VOID(check_shape(image).with_context(place));
  return ImageReader(std::move(input), std::move(image));
}

Result<void> ImageReader::read(Bytes& segment) {
  TENON_CHECK(next_ < image_.segment_count());
  segment.resize(static_cast<std::size_t>(image_.segment_length(next_)));
  TENON_TRY(const std::size_t got, file_.read(segment));
  if (got != segment.size()) {
    TENON_TRY_VOID(file_.require_unchanged());
    return Error{ErrorCode::kStorage, "the image ends at byte " + std::to_string(next_ * image_.segment_size + got) +
                                          " of " + std::to_string(image_.size)};
  }
  whole_.update(segment);
  ++next_;
  return {};
}

void ImageReader::add_digest(const Sha256& segment) {
  list_.insert(list_.end(), segment.bytes.begin(), segment.bytes.end());
}

Result<ImageReader::Described> ImageReader::finish() {
  TENON_CHECK(next_ == image_.segment_count() && list_.size() == image_.segments_length);
  TENON_TRY_VOID(file_.require_unchanged());
  image_.sha256 = whole_.finish();
  image_.segments_sha256 = Sha256::of(list_);
  return Described{image_, std::move(list_)};
}

Result<ImageReader::Described> describe_image(const std::filesystem::path& file, const Label& slot,
                                              std::uint64_t segment_size, Progress& progress) {
  TENON_TRY(ImageReader reader, ImageReader::open(file, slot, segment_size));
  progress.begin(slot.text() + ": read", reader.size());
  Bytes segment;
  for (std::uint64_t i = 0; i < reader.segment_count(); ++i) {
    TENON_TRY_VOID(reader.read(segment));
    reader.add_digest(Sha256::of(segment));
    progress.advance(std::min(reader.size(), (i + 1) * segment_size));
  }
  progress.end();
  return reader.finish();
}

}  // namespace tenon::repo_tools
