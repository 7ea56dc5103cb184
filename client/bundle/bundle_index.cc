#include <tenon/client/bundle/bundle_index.h>
#include <tenon/client/bundle/member_header.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>

namespace tenon::client {
namespace {

constexpr const char* kNotWhole =
    "the copy is not whole: copy the file again, and unmount the stick before it is pulled";

// Walk goes over a file from its first header to the blocks of zeros at its end.
class Walk {
 public:
  Walk(std::uint64_t file_bytes, const ReadAt& read_at) : file_bytes_(file_bytes), read_at_(&read_at) {}

  // next gives nothing at the end.
  Result<std::optional<BundleIndex::Member>> next() {
    TENON_TRY(TarBlock block, next_block());
    PaxRecords records;
    if (block.kind == TarBlock::Kind::kPax) {
      TENON_TRY(records, read_records(block.size));
      TENON_TRY(block, next_block());
      if (block.kind != TarBlock::Kind::kMember) {
        return Error{ErrorCode::kParse, "after a pax header stands no member"};
      }
    }
    if (block.kind == TarBlock::Kind::kEnd) {
      TENON_TRY(block, next_block());
      if (block.kind != TarBlock::Kind::kEnd) return Error{ErrorCode::kParse, "a block of zeros stands among members"};
      if (file_bytes_ - at_ >= kTarRecordBytes) return ends_early();
      return std::optional<BundleIndex::Member>();
    }
    BundleIndex::Member member{std::move(records.path).value_or(std::move(block.name)), at_,
                               records.size.value_or(block.size)};
    TENON_TRY_VOID(check_member_name(member.name));
    if (member.size > file_bytes_ - at_) return cut_off(printable(member.name, 80), member.size);
    at_ += std::min(padded(member.size), file_bytes_ - at_);
    return std::optional(std::move(member));
  }

 private:
  Error cut_off(const std::string& what, std::uint64_t wanted) const {
    return Error{ErrorCode::kParse,
                 what + ": needs " + std::to_string(wanted) + " bytes from byte " + std::to_string(at_) +
                     " on, and the file ends at byte " + std::to_string(file_bytes_),
                 kNotWhole};
  }
  // A file system that lost power may keep a file's length and give zeros for what was not written.
  Error ends_early() const {
    return Error{ErrorCode::kParse,
                 "zeros end the members at byte " + std::to_string(at_) + ", and the file ends at byte " +
                     std::to_string(file_bytes_),
                 kNotWhole};
  }

  Result<TarBlock> next_block() {
    if (file_bytes_ - at_ < kTarBlockBytes) return cut_off("the end is missing", kTarBlockBytes);
    std::array<std::uint8_t, kTarBlockBytes> block;
    TENON_TRY_VOID((*read_at_)(at_, block));
    TENON_TRY(TarBlock parsed, TarBlock::parse(block).with_context("at byte " + std::to_string(at_)));
    at_ += kTarBlockBytes;
    return parsed;
  }

  Result<PaxRecords> read_records(std::uint64_t size) {
    if (size > kMaxPaxBytes) {
      return Error{ErrorCode::kLimit, "a pax header has " + std::to_string(size) + " bytes, at most " +
                                          std::to_string(kMaxPaxBytes) + " are read"};
    }
    if (padded(size) > file_bytes_ - at_) return cut_off("a pax header", padded(size));
    Bytes content(size);
    TENON_TRY_VOID((*read_at_)(at_, content));
    at_ += padded(size);
    return PaxRecords::parse(content);
  }

  std::uint64_t file_bytes_;
  const ReadAt* read_at_;
  std::uint64_t at_ = 0;
};

}  // namespace

Result<BundleIndex> BundleIndex::read(std::uint64_t file_bytes, const ReadAt& read_at) {
  std::vector<Member> members;
  std::size_t name_bytes = 0;
  Walk walk(file_bytes, read_at);
  for (;;) {
    TENON_TRY(std::optional<Member> member, walk.next());
    if (!member) break;
    name_bytes += member->name.size();
    if (members.size() == kMaxBundleMembers || name_bytes > kMaxBundleNameBytes) {
      return Error{ErrorCode::kLimit, "more than " + std::to_string(kMaxBundleMembers) +
                                          " members, or names of more than " + std::to_string(kMaxBundleNameBytes) +
                                          " bytes"}
          .with_hint("export fewer products, channels or targets into one bundle");
    }
    members.push_back(*std::move(member));
  }
  std::ranges::sort(members, {}, &Member::name);
  const auto twice = std::ranges::adjacent_find(members, {}, &Member::name);
  if (twice == members.end()) return BundleIndex(std::move(members));
  return Error{ErrorCode::kParse, printable(twice->name, 80) + ": is there twice"};
}

const BundleIndex::Member* BundleIndex::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(members_, name, {}, &Member::name);
  return at != members_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace tenon::client
