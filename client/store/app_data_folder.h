// AppDataFolder: the editions of the application's data, each a folder named by the sequence of the release that it was made for, and the
// link `current` to the one that the programs use:
//
//   7/           whole: its name was given when all of it was durable
//   9/
//   current      -> 9
//   .current.new a link that was about to take its place
//   .unfinished/ an edition that is being made, or being removed; it counts as nothing, and there is one at most
//
// Names that are none of these are left alone. An edition is there or it is not, wherever the power is cut.
// Thread: one at a time; one process holds the store.
#pragma once

#include <tenon/client/ports/app_data.h>
#include <tenon/client/store/folder.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace tenon::client {

inline constexpr std::size_t kMostEditions = 1000;  // there are two; more were put there by hand

struct Editions {
  std::set<std::int64_t> whole = {};
  std::optional<std::int64_t> current = {};  // where the link leads; nothing when there is none, or it leads elsewhere
  bool has_unfinished = false;

  // of gives the edition that belongs to a release without one of its own: the one that is in use, if that can be, or else the newest
  // that is no newer than the release. What a release that was never confirmed has left does not count.
  std::optional<std::int64_t> of(const AppDataOwner& owner) const;
};

class AppDataFolder {
 public:
  // open Errors: E_STORAGE; the folder is never made: one that is not mounted is not to begin anew.
  static Result<AppDataFolder> open(const std::string& path);

  // look Errors: E_STORAGE, E_LIMIT
  Result<Editions> look() const;

  // unfinished_path is where begin() makes an edition.
  std::string unfinished_path() const;
  // begin copies an edition, or makes an empty one. What was left unfinished goes first.
  // Errors: those of measure_tree(); E_LIMIT above most_bytes; E_STORAGE, before anything is copied, when there is no room.
  Result<void> begin(std::optional<std::int64_t> from, std::uint64_t most_bytes) const;
  // finish makes what was begun durable and then gives it its name. Errors: E_STORAGE
  Result<void> finish(std::int64_t sequence) const;
  // discard removes what is unfinished. Errors: E_STORAGE
  Result<void> discard() const;
  // remove Errors: E_STORAGE
  Result<void> remove(std::int64_t sequence) const;
  // use lets the link lead to an edition. Errors: E_STORAGE
  Result<void> use(std::int64_t sequence) const;

 private:
  explicit AppDataFolder(Folder folder, FileDescriptor descriptor)
      : folder_(std::move(folder)), descriptor_(std::move(descriptor)) {}

  Result<void> check_room(const FileDescriptor& from, const std::string& shown, std::uint64_t most_bytes) const;
  bool shares_content() const;

  Folder folder_;
  FileDescriptor descriptor_;  // of the same folder
};

}  // namespace tenon::client
