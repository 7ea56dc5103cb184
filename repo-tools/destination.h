// Destination: where a publication goes beside the folder, as the command line names it, and what came of it.
// Thread: one.
#pragma once

#include <tenon/repo_tools/catch_up.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/upload.h>

#include <memory>

namespace tenon::repo_tools {

class Destination {
 public:
  // open reads the store's key, and asks the network nothing yet. A dry run never does.
  // Errors: E_USAGE; those of SecretSource.
  static Result<Destination> open(const StoreWords& words, bool dry_run);

  // catch_up brings the folder to what the store has. Errors: those of repo_tools::catch_up.
  Result<void> catch_up(const Console& console, const Repository& repository, FileWriter& writer);
  // upload Errors: those of repo_tools::upload.
  Result<void> upload(const Console& console, const Repository& repository, const RepositoryView& view);

  bool has_written() const { return report_.objects > 0; }
  // Each says nothing when there is no store.
  void say(const Console& console) const;
  void add_to(json::Object& object) const;

 private:
  Destination(std::unique_ptr<ObjectStore> store, unsigned workers, bool dry_run)
      : store_(std::move(store)), workers_(workers), dry_run_(dry_run) {}

  std::unique_ptr<ObjectStore> store_;  // null: none
  unsigned workers_;
  bool dry_run_;
  std::optional<metadata::Version> took_over_ = {};
  UploadReport report_ = {};
};

}  // namespace tenon::repo_tools
