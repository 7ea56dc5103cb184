#include <tenon/client/payload/group_reader.h>
#include <tenon/client/payload/varint.h>

#include <algorithm>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxRecordHeader = 3;  // kMaxRecordBytes x 2 + 1 has 16 bits

}  // namespace

Result<void> GroupReader::fill(std::size_t bytes) {
  if (filled_ - used_ >= bytes) return {};
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
  filled_ -= used_;
  used_ = 0;
  while (filled_ < bytes) {
    if (left_ == 0) return Error{ErrorCode::kParse, "a record goes beyond its group"};
    const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer_.size() - filled_));
    TENON_TRY(const std::size_t got, (*payload_)(offset_, std::span(buffer_).subspan(filled_, wanted)));
    if (got == 0) return Error{ErrorCode::kParse, "the payload ends at byte " + std::to_string(offset_)};
    TENON_CHECK(got <= wanted);
    filled_ += got;
    offset_ += got;
    left_ -= got;
  }
  return {};
}

Result<void> GroupReader::read_record() {
  const std::uint64_t in_group = left_ + (filled_ - used_);
  TENON_TRY_VOID(fill(static_cast<std::size_t>(std::min<std::uint64_t>(in_group, kMaxRecordHeader))));
  ByteView bytes = held();
  const std::optional<std::uint64_t> number = take_varint(bytes);
  if (!number || *number >> 1 == 0 || *number >> 1 > kMaxRecordBytes) {
    return Error{ErrorCode::kParse, "a record of no length, or of one above " + std::to_string(kMaxRecordBytes)};
  }
  used_ += held().size() - bytes.size();
  const auto length = static_cast<std::size_t>(*number >> 1);
  TENON_TRY_VOID(fill(length));
  Bytes& stream = waiting_[*number & 1];
  if (stream.size() + length > kMaxWaitingBytes) {
    return Error{ErrorCode::kLimit,
                 "more than " + std::to_string(kMaxWaitingBytes) + " bytes of one stream wait for the other"};
  }
  const ByteView content = held().first(length);
  stream.insert(stream.end(), content.begin(), content.end());
  used_ += length;
  return {};
}

Result<ByteView> GroupReader::next(GroupStream stream) {
  const auto index = static_cast<std::size_t>(stream);
  while (waiting_[index].empty() && left_ + (filled_ - used_) > 0) TENON_TRY_VOID(read_record());
  given_[index].clear();
  given_[index].swap(waiting_[index]);
  return ByteView(given_[index]);
}

}  // namespace tenon::client
