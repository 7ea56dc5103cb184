// Two environment blocks of GRUB: whatever is in them, one whole block is chosen or none, a record that is read can be
// written and read again, and a block that is cut or damaged never says something that nobody wrote.
//
// Input: a byte for the place of a damage, one for its kind, then the first block, and from the middle on the second.
#include <tenon/client/boot/grub_blocks.h>
#include <tenon/metadata/check.h>

#include <cstdint>
#include <string>
#include <string_view>

using tenon::ErrorCode;
using tenon::Result;
using tenon::client::BootRecord;
using tenon::client::decode_boot_record;
using tenon::client::find_grub_block_in_force;
using tenon::client::GrubBlockInForce;
using tenon::client::GrubBlocks;

namespace {

std::string block_of(std::string_view text, bool with_signature) {
  std::string block = with_signature ? "# GRUB Environment Block\n" : "";
  block += text;
  block.resize(tenon::client::kGrubBlockBytes, '#');
  return block;
}

Result<BootRecord> record_in(const GrubBlocks& blocks) {
  TENON_TRY(const GrubBlockInForce found, find_grub_block_in_force(blocks));
  TENON_CHECK(found.place < 2);
  // A whole block counts alone too.
  GrubBlocks alone = blocks;
  alone[1 - found.place].clear();
  const auto again = find_grub_block_in_force(alone);
  TENON_CHECK(again && again->place == found.place && again->variables == found.variables);
  return decode_boot_record(found.variables);
}

// A write of this record over the other block, cut anywhere: the record before or this one.
void check_torn(const BootRecord& record, std::size_t at, std::uint8_t kind) {
  BootRecord next = record;
  next.generation = record.generation + 1;
  next.groups[kind & 1].state = static_cast<tenon::client::SlotState>((kind >> 1) & 3);
  const auto in_force = tenon::client::encode_grub_block(record);
  const auto after = tenon::client::encode_grub_block(next);
  if (!in_force || !after) return;
  const GrubBlocks torn = {*in_force, after->substr(0, at) + in_force->substr(at)};
  const auto found = record_in(torn);
  TENON_CHECK(found && (*found == record || *found == next));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view text = tenon::as_text(tenon::ByteView(data, size));
  const std::size_t at = static_cast<std::size_t>(data[0]) * 4;
  const std::uint8_t kind = data[1];
  text.remove_prefix(2);
  const GrubBlocks blocks = {block_of(text.substr(0, text.size() / 2), (kind & 1) == 0),
                             block_of(text.substr(text.size() / 2), (kind & 2) == 0)};
  const auto record = record_in(blocks);
  if (!record) {
    TENON_CHECK(record.error().code == ErrorCode::kHw);
    return 0;
  }
  const auto written = tenon::client::encode_grub_block(*record);
  TENON_CHECK(written || record->generation > tenon::client::kMaxGrubGeneration);
  if (!written) return 0;
  const auto reread = record_in({"", *written});
  TENON_CHECK(reread && *reread == *record);
  check_torn(*record, at, kind);
  return 0;
}
