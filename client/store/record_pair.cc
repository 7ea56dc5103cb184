#include <tenon/client/store/record_pair.h>

#include <algorithm>
#include <limits>

#include <fcntl.h>
#include <unistd.h>

namespace tenon::client {

std::optional<std::size_t> RecordPair::Copies::newest() const {
  if (!records[0] && !records[1]) return std::nullopt;
  if (!records[0] || !records[1]) return records[0] ? 0 : 1;
  return records[0]->sequence >= records[1]->sequence ? 0 : 1;
}

Result<RecordContent> RecordPair::load() {
  TENON_TRY(auto file, open(O_RDONLY));
  RecordContent content = Absent{};
  if (!file) return content;
  Copies copies = read(*file);
  if (const auto newest = copies.newest()) {
    content = std::move(copies.records[*newest]->content);
  } else if (copies.disk_error) {
    return *std::move(copies.disk_error);
  } else {
    content = Damaged{};
  }
  return content;
}

Result<std::size_t> RecordPair::spoiled() const {
  TENON_TRY(const auto file, open(O_RDONLY));
  std::size_t count = 0;
  if (!file) return count;
  for (std::size_t index = 0; index < 2; ++index) {
    RecordBlock block = {};
    const auto length = read_all(*file, index * kRecordBytes, block, folder_.shown(name_));
    const bool is_new = length && *length == kRecordBytes && std::ranges::all_of(block, [](auto b) { return b == 0; });
    if (!length || !(is_new || decode_record(ByteView(block).first(*length)))) ++count;
  }
  return count;
}

Result<void> RecordPair::save(ByteView content) {
  TENON_TRY(auto file, open(O_RDWR));
  if (!file) {
    TENON_TRY_VOID(create(content));
    name_is_durable_ = true;
    return {};
  }
  const Copies copies = read(*file);
  const auto newest = copies.newest();
  const std::uint64_t sequence = newest ? copies.records[*newest]->sequence : 0;
  if (sequence == std::numeric_limits<std::uint64_t>::max()) {
    return Error{ErrorCode::kStorage, folder_.shown(name_) + ": has no sequence number left"};
  }
  TENON_TRY_VOID(overwrite(*file, newest ? 1 - *newest : 0, sequence + 1, content));
  if (!name_is_durable_) TENON_TRY_VOID(folder_.sync());
  name_is_durable_ = true;
  return {};
}

Result<std::optional<FileDescriptor>> RecordPair::open(int flags) const {
  TENON_TRY(auto file, folder_.open_file(name_, flags));
  // What a process before us wrote and could not make durable may still be in the page cache; only the disk counts.
  if (file) static_cast<void>(::posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED));
  return file;
}

RecordPair::Copies RecordPair::read(const FileDescriptor& file) const {
  Copies copies;
  for (std::size_t index = 0; index < copies.records.size(); ++index) {
    if (index == unsure_) continue;
    RecordBlock block = {};
    auto count = read_all(file, index * kRecordBytes, block, folder_.shown(name_));
    if (!count) {
      copies.disk_error = std::move(count).error();
    } else {
      copies.records[index] = decode_record(ByteView(block).first(*count));
    }
  }
  return copies;
}

Result<void> RecordPair::create(ByteView content) const {
  TENON_TRY(const RecordBlock first, encode_record(1, content));
  Bytes file(first.begin(), first.end());
  file.resize(2 * kRecordBytes);  // zeros are no record; written, they are space that later writes already have
  return folder_.replace(name_, file);
}

Result<void> RecordPair::overwrite(const FileDescriptor& file, std::size_t index, std::uint64_t sequence,
                                   ByteView content) {
  TENON_TRY(const RecordBlock block, encode_record(sequence, content));
  unsure_ = index;
  TENON_TRY_VOID(write_all(file, index * kRecordBytes, block, folder_.shown(name_)));
  if (::fdatasync(file.get()) != 0) return storage_error("cannot be made durable", folder_.shown(name_));
  unsure_.reset();
  return {};
}

}  // namespace tenon::client
