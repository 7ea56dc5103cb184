#include <tenon/metadata/check.h>
#include <tenon/metadata/hex.h>

#include <utility>

#include <tests/support/byte_mutations.h>

namespace tenon::tests {
namespace {

constexpr std::size_t kWindow = 16;

}  // namespace

ByteMutations::ByteMutations(Bytes file) : file_(std::move(file)) {
  TENON_CHECK(!file_.empty());
}

std::size_t ByteMutations::count() const {
  const std::size_t size = file_.size();
  const std::size_t windows = size < kWindow ? 0 : size - kWindow + 1;
  return 255 * size + size + 256 * (size + 1) + size + windows;
}

ByteMutations::Mutation ByteMutations::mutation(std::size_t index) const {
  const std::size_t size = file_.size();
  if (index < 255 * size) {
    const std::size_t at = index / 255;
    return {Kind::kSubstitute, at, static_cast<std::uint8_t>(file_[at] ^ (index % 255 + 1))};
  }
  index -= 255 * size;
  if (index < size) return {Kind::kDelete, index, 0};
  index -= size;
  if (index < 256 * (size + 1)) return {Kind::kInsert, index / 256, static_cast<std::uint8_t>(index % 256)};
  index -= 256 * (size + 1);
  if (index < size) return {Kind::kTruncate, index, 0};
  return {Kind::kDuplicate, index - size, 0};
}

Bytes ByteMutations::make(std::size_t index) const {
  const Mutation change = mutation(index);
  const auto begin = file_.begin();
  const auto place = begin + static_cast<std::ptrdiff_t>(change.at);
  Bytes bytes;
  bytes.reserve(file_.size() + kWindow);
  bytes.assign(begin, place);
  switch (change.kind) {
    case Kind::kSubstitute:
      bytes.push_back(change.value);
      bytes.insert(bytes.end(), place + 1, file_.end());
      break;
    case Kind::kDelete: bytes.insert(bytes.end(), place + 1, file_.end()); break;
    case Kind::kInsert:
      bytes.push_back(change.value);
      bytes.insert(bytes.end(), place, file_.end());
      break;
    case Kind::kTruncate: break;
    case Kind::kDuplicate:
      bytes.insert(bytes.end(), place, place + kWindow);
      bytes.insert(bytes.end(), place, file_.end());
      break;
  }
  return bytes;
}

std::string ByteMutations::describe(std::size_t index) const {
  const Mutation change = mutation(index);
  const std::string at = std::to_string(change.at);
  const std::string value = "0x" + to_hex({&change.value, 1});
  switch (change.kind) {
    case Kind::kSubstitute: return "byte " + at + " is " + value;
    case Kind::kDelete: return "byte " + at + " is gone";
    case Kind::kInsert: return value + " before byte " + at;
    case Kind::kTruncate: return "ends before byte " + at;
    case Kind::kDuplicate: return "16 bytes from " + at + " twice";
  }
  return "";
}

}  // namespace tenon::tests
