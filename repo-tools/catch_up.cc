#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/catch_up.h>
#include <tenon/repo_tools/client_check.h>
#include <tenon/repo_tools/served_state.h>

namespace tenon::repo_tools {
namespace {

using metadata::MetaEntry;
using metadata::UtcTime;
using metadata::Version;

constexpr metadata::Limits kLimits;

// The files of metadata/ without which no client can judge the timestamp, and that are not here.
Result<std::map<std::string, PendingFile>> files_for_a_client(const Repository& repository, ObjectStore& store,
                                                              const ServedState& theirs) {
  std::map<std::string, PendingFile> files;
  const auto put = [&](const std::string& name, Bytes content) {
    files.insert_or_assign(name, PendingFile::of_bytes(std::move(content)));
  };
  put(RoleId::timestamp().draft_name(), theirs.timestamp_file);
  put(theirs.snapshot_name, theirs.snapshot_file);
  TENON_TRY(const metadata::Authentic<metadata::Root> root, repository.published_root());
  for (Version version = root->header.version;;) {
    TENON_TRY(version, version.next());
    const std::string name = std::to_string(version.value()) + ".root.json";
    TENON_TRY(std::optional<Bytes> file, read_file_of(store, name));
    if (!file) break;
    put(name, *std::move(file));
  }
  const auto targets = theirs.snapshot.meta.find(RoleId::targets().meta_name());
  if (targets == theirs.snapshot.meta.end()) return files;
  const std::string name = RoleId::targets().public_name(targets->second.version);
  TENON_TRY(std::optional<Bytes> file, read_file_of(store, name));
  if (file) put(name, *std::move(file));
  return files;
}

// A role that snapshot lists comes into the folder, unless it is there.
Result<void> take_role(const Repository& repository, FileWriter& writer, ObjectStore& store, const RoleId& role,
                       const MetaEntry& pin) {
  const std::string name = role.public_name(pin.version);
  const std::filesystem::path path = repository.public_metadata(name);
  TENON_TRY(const std::optional<Bytes> here, read_if_there(path, kLimits.listed_bytes));
  if (here && pin.check_file(pin.identify(*here))) return {};
  TENON_TRY(const std::optional<Version> published, repository.published_version(role));
  if (here && published == pin.version) {
    return Error{ErrorCode::kPolicy,
                 printable(name) + ": is published here with other bytes than " + store.address() + " has",
                 "one of the two was published by itself: restore the folder from before that"};
  }
  TENON_TRY(const std::optional<Bytes> file, read_file_of(store, name));
  if (!file) return Error{ErrorCode::kMismatch, store.address() + ": " + printable(name) + " is listed and not there"};
  TENON_TRY_VOID(pin.check_file(pin.identify(*file)).with_context(store.address() + ": " + printable(name)));
  return writer.put(path, *file);  // over what a publication that was cut has left
}

}  // namespace

Result<std::optional<Version>> catch_up(const Repository& repository, FileWriter& writer, ObjectStore& store) {
  TENON_TRY(std::optional<ObjectStore::Object> object, store.read(kTimestampName, kLimits.timestamp_bytes));
  TENON_TRY(const std::shared_ptr<const PublishedState> here, repository.published_state());
  if (!object || (here && here->timestamp_file == object->content)) return std::optional<Version>();
  const auto read = [&](const std::string& file) { return read_file_of(store, file); };
  TENON_TRY(const ServedState theirs, ServedState::of(std::move(object->content), read).with_context(store.address()));
  const Version version = theirs.timestamp.header.version;
  if (here && version < here->timestamp.header.version) return std::optional<Version>();
  if (here && version == here->timestamp.header.version) {
    return Error{ErrorCode::kPolicy,
                 store.address() + " and this folder have different timestamps v" + std::to_string(version.value()),
                 "one of the two was published by itself: restore the folder from before that"};
  }

  TENON_TRY(const auto files, files_for_a_client(repository, store, theirs));
  const RepositoryView view = RepositoryView::with_staging(repository, files);
  TENON_TRY(const Bytes embedded_root, repository.initial_root());
  // What has expired must be taken over too, to be renewed.
  CheckingClient client(view, embedded_root, state_of_a_known_device(repository, embedded_root), UtcTime::epoch());
  TENON_TRY_VOID(client.refresh().with_context(store.address()));

  ManyFiles many(writer);
  for (const auto& [name, pin] : theirs.snapshot.meta) {
    TENON_TRY(const RoleId role, RoleId::of_meta_name(name));
    TENON_TRY_VOID(take_role(repository, writer, store, role, pin));
  }
  for (const auto& [name, file] : files) {
    if (name == RoleId::timestamp().draft_name()) continue;
    TENON_TRY(const Bytes content, file.read());
    TENON_TRY_VOID(writer.put(repository.public_metadata(name), content));
  }
  TENON_TRY_VOID(many.finish());
  TENON_TRY_VOID(writer.put(repository.public_metadata(RoleId::timestamp().draft_name()), theirs.timestamp_file));
  return std::optional(version);
}

}  // namespace tenon::repo_tools
