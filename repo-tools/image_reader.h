// ImageReader cuts an image file into segments and learns what a release says of it. The file is read once, from front
// to back, and must not change meanwhile. Thread: one.
#pragma once

#include <tenon/policies/release.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/progress.h>

#include <filesystem>

namespace tenon::repo_tools {

class ImageReader {
 public:
  // open Errors: E_STORAGE; E_PARSE for an empty file; E_LIMIT for more segments than devices take.
  static Result<ImageReader> open(const std::filesystem::path& file, const policies::Label& slot,
                                  std::uint64_t segment_size);

  // shape is the image as far as the file's size alone says it; the digests are still to come.
  const policies::Image& shape() const { return image_; }
  std::uint64_t size() const { return image_.size; }  // bytes
  std::uint64_t segment_count() const { return image_.segment_count(); }

  // read gives the next segment in the buffer, with its length. Pre: fewer than segment_count() were read.
  // Errors: E_STORAGE, also when the file is shorter than it was.
  Result<void> read(Bytes& segment);
  // add_digest takes the digest of each segment, in order: it may be computed elsewhere.
  void add_digest(const Sha256& segment);

  // finish gives what the release says of the image, with the names of its files, and the segment list.
  // Pre: all segments were read and their digests added. Errors: E_STORAGE when the file changed while it was read.
  struct Described {
    policies::Image image;
    Bytes segment_list;
  };
  Result<Described> finish();

 private:
  ImageReader(InputFile file, policies::Image image) : file_(std::move(file)), image_(std::move(image)) {}

  InputFile file_;
  policies::Image image_;
  std::uint64_t next_ = 0;
  Sha256Hasher whole_;
  Bytes list_;
};

// describe_image reads an image without making a payload of it. Errors: those of ImageReader.
Result<ImageReader::Described> describe_image(const std::filesystem::path& file, const policies::Label& slot,
                                              std::uint64_t segment_size, Progress& progress);

}  // namespace tenon::repo_tools
