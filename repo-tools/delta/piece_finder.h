// find_pieces: which ranges of a base image resemble which ranges of a new image, wherever they lie.
// Promises: the pieces cover the image exactly and in order; the same two images give the same pieces, whatever the number
// of workers; less than 1 GiB of memory beside the two images (with up to 16 workers), in time that grows with them about linearly.
// Images are bytes and no more: a file system is looked at where there is one (ext4), and is never required.
// Thread: any; it starts threads of its own, and has ended them when it returns.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/piece.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace tenon::repo_tools {

struct MatchOptions {
  bool use_file_system = true;  // false: images are bytes without a meaning
  unsigned workers = 2;         // threads; 0 is 1
};

// MatchProgress hears how much of the work is done. Units: work that is much like bytes. Thread: one call at a time, from
// any thread. total may be 0, and grows while it is found out what there is to do.
using MatchProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// find_pieces compares an image with a base. Returns: pieces that cover the image, neighbours never continuing each other;
// each kAdd lies inside the base, each kZero holds nothing but zeros.
std::vector<Piece> find_pieces(ByteView base, ByteView image, const MatchOptions& options,
                               const MatchProgress& progress = {});

}  // namespace tenon::repo_tools
