// pair_files: what two ext4 images tell about each other: the same file before and after, the same inode, the same place.
// Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/ext4_layout.h>
#include <tenon/repo_tools/delta/match_job.h>
#include <tenon/repo_tools/delta/piece.h>

#include <vector>

namespace tenon::repo_tools {

struct FilePairs {
  std::vector<Piece> pieces;   // settled; no two overlap
  std::vector<MatchJob> jobs;  // files that have changed; nothing of pieces is in them
};

// pair_files pairs files of the same path, or else versions of one; inodes of such files; and of all that belongs to no
// file, what lies in the same place and resembles it.
FilePairs pair_files(ByteView base, const Ext4Layout& base_layout, ByteView image, const Ext4Layout& image_layout);

}  // namespace tenon::repo_tools
