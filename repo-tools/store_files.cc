#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/store_files.h>

namespace tenon::repo_tools {

using metadata::Envelope;

Result<client::Reply> StoreFiles::metadata(const std::string& file, std::size_t max_bytes) const {
  Result<std::optional<Bytes>> content = store_->read("metadata/" + file, max_bytes);
  if (!content) {
    failure_ = content.error();
    return std::move(content).error();
  }
  return *content ? client::Reply(**std::move(content)) : client::Reply(client::NotFound{});
}

Result<Bytes> StoreFiles::read_target(const metadata::TargetPath& path, const Sha256&, std::size_t) const {
  return Error{ErrorCode::kNet, printable(path.text()) + ": is not read from " + store_->address()};
}

std::optional<metadata::Timestamp> timestamp_under(const metadata::Root& root, ByteView file) {
  const Result<Envelope> envelope = Envelope::parse(file, metadata::Limits{}.timestamp_bytes);
  if (!envelope) return std::nullopt;
  const metadata::RoleKeys& role = root.role(metadata::TopRole::kTimestamp);
  if (!metadata::tally(*envelope, root.keys, role).met(role.threshold)) return std::nullopt;
  Result<metadata::Timestamp> timestamp = metadata::Timestamp::parse(envelope->signed_part());
  return timestamp ? std::optional(*std::move(timestamp)) : std::nullopt;
}

}  // namespace tenon::repo_tools
