// The payload commands: deltas between image files, without a repository.
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/command_words.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/delta_builder.h>
#include <tenon/repo_tools/local_payload.h>
#include <tenon/repo_tools/mapped_file.h>
#include <tenon/repo_tools/progress_meter.h>
#include <tenon/repo_tools/unplaced_output.h>

namespace tenon::repo_tools {
namespace {

// Sizes stay far below 2^53.
json::Value number(std::uint64_t value) {
  return json::Value(static_cast<std::int64_t>(value));
}

json::Object header_json(const client::DeltaHeader& header) {
  json::Object image;
  image.set("size", number(header.image_size));
  image.set("sha256", header.image_sha256.hex());
  json::Object object;
  object.set("schema", 1);
  object.set("kind", "delta");
  object.set("image", std::move(image));
  object.set("segment_size", number(header.segment_size));
  object.set("segments", number(header.segment_count()));
  object.set("base_size", number(header.base_size));
  object.set("payload_bytes", number(header.payload_length()));
  object.set("groups", number(header.groups.size()));
  object.set("memory_bytes", number(header.memory_bytes()));
  object.set("computes_ext4_checksums", header.checksums.has_value());
  return object;
}

}  // namespace

Result<ExitStatus> run_payload_build(const Console& console, const PayloadBuildWords& words) {
  DeltaRequest request{words.base, words.image, words.out};
  TENON_TRY(request.segment_size, parse_size(words.segment_size));
  request.use_file_system = !words.raw;
  request.workers = words.workers;
  TENON_TRY(const BuiltDelta built, build_delta(request, console.progress));
  const client::DeltaHeader& header = built.header;
  if (console.as_json) {
    json::Object object = header_json(header);
    object.set("payload", words.out.native());
    object.set("payload_sha256", built.payload_sha256.hex());
    object.set("pieces", number(built.pieces));
    console.give(object);
  }
  console.say("+ " + printable(words.out.native()) + "  " + size_text(built.payload_bytes) + ", " +
              percent_of(built.payload_bytes, header.image_size) + " of the image");
  console.say("applied to the base once and compared with the image, to the last byte");
  console.say("  a device needs " + size_text(header.memory_bytes()) + " of memory to apply it");
  return ExitStatus::kOk;
}

Result<ExitStatus> run_payload_apply(const Console& console, const PayloadApplyWords& words) {
  TENON_TRY(const AppliedDelta applied, apply_delta(words.base, words.payload, words.out, console.progress));
  const client::BaseCache::Reads& reads = applied.base_reads;
  if (console.as_json) {
    json::Object object = header_json(applied.header);
    object.set("base_reads", number(reads.calls));
    object.set("base_reads_not_in_order", number(reads.jumps));
    object.set("base_bytes_read", number(reads.bytes));
    console.give(object);
  }
  console.say("+ " + printable(words.out.native()) + "  " + size_text(applied.header.image_size) + ", sha256 " +
              applied.header.image_sha256.hex());
  console.say("the base was read " + std::to_string(reads.calls) + " times, " + std::to_string(reads.jumps) +
              " of them not in order, " + size_text(reads.bytes));
  return ExitStatus::kOk;
}

Result<ExitStatus> run_payload_inspect(const Console& console, const PayloadInspectWords& words) {
  TENON_TRY(const client::DeltaHeader header, read_delta_header(words.payload));
  std::string text = "delta of " + size_text(header.payload_length()) + ", " +
                     percent_of(header.payload_length(), header.image_size) + " of the image\n";
  text += "  image   " + std::to_string(header.image_size) + " bytes, sha256 " + header.image_sha256.hex() + "\n";
  text +=
      "          " + std::to_string(header.segment_count()) + " segments of " + size_text(header.segment_size) + "\n";
  text += "  base    " + std::to_string(header.base_size) + " bytes\n";
  text += "  groups  " + std::to_string(header.groups.size()) + ": a resumed download begins at one\n";
  text += "  memory  " + size_text(header.memory_bytes()) + " to apply\n";
  if (header.checksums) text += "  ext4    its checksums are computed by who applies it\n";
  console.show(text, header_json(header));
  return ExitStatus::kOk;
}

Result<ExitStatus> run_payload_local(const Console& console, const PayloadLocalWords& words) {
  EncodeOptions options{.level = words.level, .workers = words.workers};
  TENON_TRY(options.segment_size, parse_size(words.segment_size));
  TENON_TRY_VOID(MappedFile::open(words.base));
  TENON_TRY(const client::LocalIndex index, write_local_payload(words.image, options, words.out, console.progress));
  TENON_TRY(UnplacedOutput index_file, UnplacedOutput::create(words.out.native() + ".index"));
  TENON_TRY_VOID(index_file.file().write(index.to_bytes()));
  TENON_TRY_VOID(index_file.file().finish());
  TENON_TRY_VOID(index_file.move_to_its_place());
  TENON_TRY(const LocalFetch fetch, local_fetch(index, words.out, words.base));
  const std::uint64_t bytes = fetch.index_bytes + fetch.record_bytes + fetch.frame_bytes;
  json::Object object;
  object.set("schema", 1);
  object.set("kind", "local");
  object.set("image_bytes", number(index.image_size));
  object.set("payload_bytes", number(index.offsets.back()));
  object.set("index_bytes", number(fetch.index_bytes));
  object.set("record_bytes", number(fetch.record_bytes));
  object.set("frame_bytes", number(fetch.frame_bytes));
  object.set("requests", number(fetch.requests));
  console.show("+ " + printable(words.out.native()) + "  " + size_text(index.offsets.back()) + "\n" +
                   "a device that runs the base fetches " + size_text(bytes) + " in " +
                   std::to_string(fetch.requests + 1) + " requests, " + percent_of(bytes, index.image_size) +
                   " of the image\n",
               object);
  return ExitStatus::kOk;
}

Result<ExitStatus> run_payload_compare(const Console& console, const PayloadCompareWords& words) {
  TENON_TRY(const Resemblance found,
            compare_images(words.base, words.image, !words.raw, words.workers, console.progress));
  json::Object object;
  object.set("schema", 1);
  object.set("image_bytes", number(found.image_bytes));
  object.set("zero_bytes", number(found.zero_bytes));
  object.set("same_bytes", number(found.same_bytes));
  object.set("changed_bytes", number(found.changed_bytes));
  object.set("new_bytes", number(found.new_bytes));
  const auto line = [&](const char* name, std::uint64_t bytes) {
    return std::string(name) + size_text(bytes) + ", " + percent_of(bytes, found.image_bytes) + "\n";
  };
  console.show("of " + size_text(found.image_bytes) + "\n" + line("  zero      ", found.zero_bytes) +
                   line("  the same  ", found.same_bytes) + line("  changed   ", found.changed_bytes) +
                   line("  new       ", found.new_bytes),
               object);
  return ExitStatus::kOk;
}

}  // namespace tenon::repo_tools
