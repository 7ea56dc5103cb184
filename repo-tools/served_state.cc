#include <tenon/repo_tools/served_state.h>

namespace tenon::repo_tools {

using metadata::Envelope;

constexpr metadata::Limits kLimits;

Result<ServedState> ServedState::of(Bytes timestamp_file, const ReadFile& read) {
  TENON_TRY(const Envelope timestamp_envelope,
            Envelope::parse(timestamp_file, kLimits.timestamp_bytes).with_context("timestamp.json"));
  TENON_TRY(metadata::Timestamp timestamp, metadata::Timestamp::parse(timestamp_envelope.signed_part()));
  std::string name = RoleId::snapshot().public_name(timestamp.snapshot.version);
  TENON_TRY(std::optional<Bytes> file, read(name));
  if (!file) return Error{ErrorCode::kMismatch, name + " is pinned by the timestamp and not there"};
  TENON_TRY_VOID(timestamp.snapshot.check_file(timestamp.snapshot.identify(*file)).with_context(name));
  TENON_TRY(const Envelope envelope, Envelope::parse(*file, kLimits.listed_bytes).with_context(name));
  TENON_TRY(metadata::Snapshot snapshot, metadata::Snapshot::parse(envelope.signed_part()).with_context(name));
  return ServedState{std::move(timestamp_file), std::move(timestamp), std::move(name), *std::move(file),
                     std::move(snapshot)};
}

Result<std::optional<Bytes>> read_file_of(const RepositoryView& view, const std::string& file) {
  TENON_TRY(client::Reply reply, view.metadata(file, kLimits.listed_bytes));
  if (auto* content = std::get_if<Bytes>(&reply)) return std::optional(std::move(*content));
  return std::optional<Bytes>();
}

Result<std::optional<Bytes>> read_file_of(ObjectStore& store, const std::string& file) {
  TENON_TRY(std::optional<ObjectStore::Object> object, store.read("metadata/" + file, kLimits.listed_bytes));
  if (!object) return std::optional<Bytes>();
  return std::optional(std::move(object->content));
}

}  // namespace tenon::repo_tools
