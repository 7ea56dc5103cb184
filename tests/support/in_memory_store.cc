#include <tests/support/in_memory_store.h>

namespace tenon::tests {

namespace {

constexpr std::size_t kMaxRecordBytes = 4000;  // of 4 KiB with its header

}  // namespace

std::optional<Bytes> InMemoryStore::load(const std::string& file_name) {
  const auto at = files.find(file_name);
  if (at == files.end() || power_->is_off()) return std::nullopt;
  return at->second;
}

Result<void> InMemoryStore::save(const std::string& file_name, ByteView content) {
  TENON_TRY_VOID(power_->spend(ErrorCode::kStorage));
  files[file_name] = Bytes(content.begin(), content.end());
  return {};
}

Result<client::RecordContent> InMemoryStore::load(client::Record record) {
  TENON_TRY_VOID(power_->check(ErrorCode::kStorage));
  client::RecordContent content = client::Absent{};
  if (const auto at = records.find(record); at != records.end()) content = at->second;
  if (const auto broken = damaged.find(record); broken != damaged.end() && broken->second) content = client::Damaged{};
  return content;
}

Result<void> InMemoryStore::save(client::Record record, ByteView content) {
  if (content.size() > kMaxRecordBytes) return Error{ErrorCode::kLimit, "record is larger than 4000 bytes"};
  TENON_TRY_VOID(power_->spend(ErrorCode::kStorage));
  records[record] = Bytes(content.begin(), content.end());
  damaged.erase(record);
  return {};
}

}  // namespace tenon::tests
