#include <tenon/client/bundle/member_header.h>
#include <tenon/metadata/target_path.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace tenon::client {
namespace {

// The fields of a ustar header, POSIX.1-2017 pax, "ustar Interchange Format". Units: bytes.
struct Field {
  std::size_t offset;
  std::size_t length;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kMagic{257, 8};  // with the version
constexpr Field kPrefix{345, 155};

constexpr std::string_view kUstar("ustar\00000", kMagic.length);
constexpr char kRegular = '0';
constexpr char kPax = 'x';
constexpr std::string_view kPaxName = "././@PaxHeader";  // what a program that knows no pax calls it

Error malformed(std::string what) {
  return Error{ErrorCode::kParse, std::move(what)};
}

std::string_view text_of(ByteView block, Field field) {
  const std::string_view text = as_text(block.subspan(field.offset, field.length));
  return text.substr(0, text.find('\0'));
}

// The checksum is the sum of all bytes, of its own eight as if they were blanks.
std::uint64_t checksum_of(ByteView block) {
  std::uint64_t sum = kChecksum.length * ' ';
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (i < kChecksum.offset || i >= kChecksum.offset + kChecksum.length) sum += block[i];
  }
  return sum;
}

std::string octal(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i > 0; --i, value /= 8) text[i - 1] = static_cast<char>('0' + value % 8);
  return text;
}

std::optional<std::uint64_t> number(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

void put(Bytes& block, Field field, std::string_view text) {
  std::ranges::copy(text, block.begin() + static_cast<std::ptrdiff_t>(field.offset));
}

Bytes ustar_block(std::string_view prefix, std::string_view name, std::uint64_t size, char type) {
  Bytes block(kTarBlockBytes);
  put(block, kName, name);
  put(block, kMode, octal(0644, kMode.length - 1));
  put(block, kUid, octal(0, kUid.length - 1));
  put(block, kGid, octal(0, kGid.length - 1));
  put(block, kSize, octal(size, kSize.length - 1));
  put(block, kMtime, octal(0, kMtime.length - 1));
  block[kType] = static_cast<std::uint8_t>(type);
  put(block, kMagic, kUstar);
  put(block, kPrefix, prefix);
  put(block, kChecksum, octal(checksum_of(block), 6) + '\0' + ' ');
  return block;
}

// Where a name is cut in two, at the '/' that leaves the shortest prefix; nothing when it does not fit.
struct Halves {
  std::string_view prefix;
  std::string_view name;
};
std::optional<Halves> halves_of(std::string_view name) {
  if (name.size() <= kName.length) return Halves{{}, name};
  const std::size_t slash = name.find('/', name.size() - kName.length - 1);
  if (slash == name.npos || slash > kPrefix.length || slash + 1 == name.size()) return std::nullopt;
  return Halves{name.substr(0, slash), name.substr(slash + 1)};
}

// "LENGTH KEY=VALUE\n", where the length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + sizeof(" =\n") - 1;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) length = std::to_string(length).size() + rest;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

}  // namespace

Result<void> check_member_name(std::string_view name) {
  TENON_TRY_VOID(metadata::TargetPath::parse(name).with_context("a member's name"));
  const bool is_metadata = name.starts_with("metadata/") && name.find('/', sizeof("metadata/") - 1) == name.npos;
  if (is_metadata || name.starts_with("targets/")) return {};
  return malformed("a member is called \"" + printable(name, 80) + "\", which is no file of metadata/ or targets/");
}

Result<Bytes> member_header(std::string_view name, std::uint64_t size) {
  if (name.size() > kMaxMemberNameBytes) {
    return Error{ErrorCode::kLimit, printable(name, 80) + ": the name has " + std::to_string(name.size()) +
                                        " bytes, a bundle's at most " + std::to_string(kMaxMemberNameBytes)};
  }
  TENON_TRY_VOID(check_member_name(name));
  const std::optional<Halves> halves = halves_of(name);
  std::string records;
  if (!halves) records += pax_record("path", name);
  if (size > kMaxUstarSize) records += pax_record("size", std::to_string(size));

  Bytes header;
  const auto append = [&](ByteView bytes) { header.insert(header.end(), bytes.begin(), bytes.end()); };
  if (!records.empty()) {
    append(ustar_block({}, kPaxName, records.size(), kPax));
    append(as_bytes(records));
    header.resize(padded(header.size()));
  }
  const Halves shown = halves.value_or(Halves{{}, name.substr(0, kName.length)});
  append(ustar_block(shown.prefix, shown.name, size > kMaxUstarSize ? 0 : size, kRegular));
  return header;
}

Result<TarBlock> TarBlock::parse(ByteView block) {
  if (std::ranges::all_of(block, [](std::uint8_t byte) { return byte == 0; })) return TarBlock{};
  const std::string_view checksum = as_text(block.subspan(kChecksum.offset, kChecksum.length));
  const std::optional<std::uint64_t> sum = number(checksum.substr(0, 6), 8);
  if (!sum || !checksum.ends_with(std::string_view("\0 ", 2)) || *sum != checksum_of(block)) {
    return malformed("the checksum of a header is wrong");
  }
  if (as_text(block.subspan(kMagic.offset, kMagic.length)) != kUstar) return malformed("a header is not in ustar form");
  TarBlock parsed;
  switch (block[kType]) {
    case kRegular: parsed.kind = Kind::kMember; break;
    case kPax: parsed.kind = Kind::kPax; break;
    default: return malformed("\"" + printable(text_of(block, kName), 80) + "\" is no regular file");
  }
  const std::optional<std::uint64_t> size = number(text_of(block, kSize), 8);
  if (!size) return malformed("a header has a size that is no octal number");
  parsed.size = *size;
  parsed.name = text_of(block, kName);
  if (const std::string_view prefix = text_of(block, kPrefix); !prefix.empty()) {
    parsed.name = std::string(prefix) + "/" + parsed.name;
  }
  return parsed;
}

Result<PaxRecords> PaxRecords::parse(ByteView content) {
  PaxRecords records;
  for (std::string_view rest = as_text(content); !rest.empty();) {
    const std::size_t blank = rest.find(' ');
    const std::optional<std::uint64_t> length = blank == rest.npos ? std::nullopt : number(rest.substr(0, blank), 10);
    if (!length || *length <= blank + 1 || *length > rest.size() || rest[*length - 1] != '\n') {
      return malformed("a record of a pax header has a wrong length");
    }
    const std::string_view record = rest.substr(blank + 1, *length - blank - 2);
    rest.remove_prefix(*length);
    const std::size_t equals = record.find('=');
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = equals == record.npos ? "" : record.substr(equals + 1);
    if (key == "path" && !records.path) {
      records.path = value;
    } else if (key == "size" && !records.size) {
      records.size = number(value, 10);
      if (!records.size) return malformed("a pax header has a size that is no number");
    } else {
      return malformed("a pax header has the record \"" + printable(key, 40) + "\", twice or not of a bundle");
    }
  }
  return records;
}

}  // namespace tenon::client
