// The three things that are done to a whole folder tree: measure it, copy it, remove it. No symbolic link is followed and no file
// system is left for another: what is mounted inside a tree is an error, since it would be missing from the copy.
// Thread: one; nobody else changes the tree meanwhile.
#pragma once

#include <tenon/client/store/folder.h>

#include <cstdint>

namespace tenon::client {

inline constexpr std::size_t kMostTreeDepth = 200;            // that is copied: two descriptors are open for each
inline constexpr std::size_t kMostHardLinkedFiles = 100'000;  // each is remembered until the tree is done
inline constexpr std::size_t kMostHardLinkBytes = 8u << 20;   // of their paths

struct TreeSize {
  std::uint64_t bytes = 0;  // on the medium
  std::uint64_t entries = 0;
};

// measure_tree Errors: E_STORAGE; E_LIMIT; E_STORAGE too for what copy_tree() refuses: a device, another file system.
Result<TreeSize> measure_tree(const FileDescriptor& from, const std::string& shown);

// copy_tree fills a folder that is new and empty. Files keep their content, holes, hard links within the tree, owner, mode, times and
// extended attributes; but for those in the name space "security", which are the system's, and are copied where it lets us. Sockets
// and pipes are made new. Content is shared with the original where the file system can do that. Nothing of it is durable yet.
// Errors: those of measure_tree
Result<void> copy_tree(const FileDescriptor& from, const FileDescriptor& to, const std::string& shown);

// remove_tree removes a folder and all inside, however deep. That there is none is no error. Errors: E_STORAGE
Result<void> remove_tree(const FileDescriptor& parent, const std::string& name, const std::string& shown);

}  // namespace tenon::client
