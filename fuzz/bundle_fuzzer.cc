// A bundle is a file that anybody may have made: whatever is in it, each member that is found lies inside the file, under a
// plain name of its own; and what the writer makes of these members is read as the same. The input is read twice, the second
// time with the checksums of its headers put right, since few changes get past them.
#include <tenon/client/bundle/bundle_index.h>
#include <tenon/client/bundle/member_header.h>
#include <tenon/metadata/check.h>
#include <tenon/metadata/target_path.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>

using tenon::Bytes;
using tenon::ByteView;
using tenon::ErrorCode;
using tenon::Result;
using tenon::client::BundleIndex;
using tenon::client::kTarBlockBytes;
using tenon::client::member_header;
using tenon::client::padded;

namespace {

constexpr std::size_t kChecksum = 148;
constexpr std::size_t kMagic = 257;

Bytes with_right_checksums(ByteView input) {
  Bytes file(input.begin(), input.end());
  for (std::size_t at = 0; at + kTarBlockBytes <= file.size(); at += kTarBlockBytes) {
    const auto block = std::span(file).subspan(at, kTarBlockBytes);
    if (!std::ranges::equal(block.subspan(kMagic, 5), tenon::as_bytes("ustar"))) continue;
    std::ranges::fill(block.subspan(kChecksum, 8), std::uint8_t{' '});
    unsigned sum = 0;
    for (const std::uint8_t byte : block) sum += byte;
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    std::copy_n(digits, 7, block.begin() + kChecksum);
  }
  return file;
}

Result<BundleIndex> index_of(const Bytes& file) {
  return BundleIndex::read(file.size(), [&](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    TENON_CHECK(offset <= file.size() && into.size() <= file.size() - offset);
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  });
}

void check_is_plain(const std::string& name) {
  TENON_CHECK(name.starts_with("metadata/") || name.starts_with("targets/"));
  TENON_CHECK(tenon::metadata::TargetPath::parse(name).has_value());
}

void check_is_written_back(const Bytes& file, const BundleIndex& index) {
  Bytes again;
  for (const BundleIndex::Member& member : index.members()) {
    const Result<Bytes> header = member_header(member.name, member.size);
    TENON_CHECK(header.has_value());
    again.insert(again.end(), header->begin(), header->end());
    const auto content = file.begin() + static_cast<std::ptrdiff_t>(member.offset);
    again.insert(again.end(), content, content + static_cast<std::ptrdiff_t>(member.size));
    again.resize(padded(again.size()));
  }
  again.resize(again.size() + 2 * kTarBlockBytes);
  const Result<BundleIndex> same = index_of(again);
  TENON_CHECK(same && same->members().size() == index.members().size());
  for (std::size_t i = 0; i < index.members().size(); ++i) {
    const BundleIndex::Member& before = index.members()[i];
    const BundleIndex::Member& after = same->members()[i];
    TENON_CHECK(before.name == after.name && before.size == after.size);
    TENON_CHECK(std::equal(file.begin() + static_cast<std::ptrdiff_t>(before.offset),
                           file.begin() + static_cast<std::ptrdiff_t>(before.offset + before.size),
                           again.begin() + static_cast<std::ptrdiff_t>(after.offset)));
  }
}

void check(const Bytes& file) {
  const Result<BundleIndex> index = index_of(file);
  if (!index) {
    TENON_CHECK(index.error().code == ErrorCode::kParse || index.error().code == ErrorCode::kLimit);
    TENON_CHECK(!index.error().message.empty());
    return;
  }
  const BundleIndex::Member* before = nullptr;
  for (const BundleIndex::Member& member : index->members()) {
    TENON_CHECK(member.offset <= file.size() && member.size <= file.size() - member.offset);
    check_is_plain(member.name);
    TENON_CHECK(before == nullptr || before->name < member.name);
    TENON_CHECK(index->find(member.name) == &member);
    before = &member;
  }
  check_is_written_back(file, *index);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  check(Bytes(input.begin(), input.end()));
  check(with_right_checksums(input));
  return 0;
}
