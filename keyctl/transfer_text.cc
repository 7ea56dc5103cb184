#include <tenon/keyctl/transfer_text.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include <qrencode.h>
#include <zstd.h>

namespace tenon::keyctl {
namespace {

constexpr std::string_view kPrefix = "TN1:";
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";  // RFC 9285
constexpr std::size_t kHeaderCharacters = 24;                                            // "TN1:16/16:9F86D081:"
constexpr std::size_t kDigestCharacters = 8;
constexpr int kLevel = 19;
constexpr int kQuietZone = 4;  // modules, ISO/IEC 18004

std::string base45(ByteView bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const bool is_pair = i + 1 < bytes.size();
    unsigned value = is_pair ? bytes[i] * 256u + bytes[i + 1] : bytes[i];
    for (int digit = 0; digit < (is_pair ? 3 : 2); ++digit, value /= 45) text += kAlphabet[value % 45];
  }
  return text;
}

std::optional<Bytes> from_base45(std::string_view text) {
  if (text.size() % 3 == 1) return std::nullopt;
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const std::string_view group = text.substr(i, 3);
    unsigned value = 0;
    for (std::size_t j = group.size(); j-- > 0;) {
      const std::size_t digit = kAlphabet.find(group[j]);
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * 45 + static_cast<unsigned>(digit);
    }
    if (value > (group.size() == 3 ? 0xFFFFu : 0xFFu)) return std::nullopt;
    if (group.size() == 3) bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
  }
  return bytes;
}

std::string digest_of(ByteView content) {
  std::string hex = Sha256::of(content).hex().substr(0, kDigestCharacters);
  std::ranges::transform(hex, hex.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return hex;
}

Bytes compressed(ByteView content) {
  Bytes out(ZSTD_compressBound(content.size()));
  const std::size_t size = ZSTD_compress(out.data(), out.size(), content.data(), content.size(), kLevel);
  TENON_CHECK(!ZSTD_isError(size));  // the buffer has the size that is always enough
  out.resize(size);
  return out;
}

Result<Bytes> decompressed(ByteView packed) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Error{ErrorCode::kParse, "transfer: what the lines hold is not compressed as it should be"};
  }
  if (size > kMaxTransferBytes) {
    return Error{ErrorCode::kLimit, "transfer: " + std::to_string(size) + " bytes, at most " +
                                        std::to_string(kMaxTransferBytes) + " are read"};
  }
  Bytes content(static_cast<std::size_t>(size));
  const std::size_t got = ZSTD_decompress(content.data(), content.size(), packed.data(), packed.size());
  if (ZSTD_isError(got) || got != content.size()) {
    return Error{ErrorCode::kParse, "transfer: what the lines hold cannot be decompressed"};
  }
  return content;
}

struct Line {
  std::size_t number = 0;  // from 1
  std::size_t total = 0;
  std::string digest;
  std::string_view body;
};

std::optional<std::size_t> number_of(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Line> parse_line(std::string_view text) {
  const Error wrong{ErrorCode::kParse, "transfer: \"" + printable(text, 40) + "\" is no line of a transfer"};
  if (!text.starts_with(kPrefix)) return wrong;
  text.remove_prefix(kPrefix.size());
  const std::size_t slash = text.find('/');
  const std::size_t colon = text.find(':');
  if (slash == text.npos || colon == text.npos || slash > colon) return wrong;
  const auto number = number_of(text.substr(0, slash));
  const auto total = number_of(text.substr(slash + 1, colon - slash - 1));
  text.remove_prefix(colon + 1);
  if (!number || !total || *number < 1 || *number > *total || *total > kMaxCodes) return wrong;
  if (text.size() < kDigestCharacters + 1 || text[kDigestCharacters] != ':') return wrong;
  return Line{*number, *total, std::string(text.substr(0, kDigestCharacters)), text.substr(kDigestCharacters + 1)};
}

Result<std::vector<Line>> parse_lines(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view one = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (one.ends_with('\r')) one.remove_suffix(1);
    if (one.empty()) continue;
    TENON_TRY(Line line, parse_line(one));
    if (lines.size() == kMaxCodes * 2) return Error{ErrorCode::kLimit, "transfer: too many lines"};
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

Result<std::vector<std::string>> to_transfer_lines(ByteView content) {
  const std::string text = content.size() <= kMaxTransferBytes ? base45(compressed(content)) : "";
  const std::size_t per_code = (kMaxCodeCharacters - kHeaderCharacters) / 3 * 3;
  const std::size_t total = (text.size() + per_code - 1) / per_code;
  if (content.size() > kMaxTransferBytes || total > kMaxCodes) {
    return Error{ErrorCode::kLimit, "this is too large for " + std::to_string(kMaxCodes) + " QR codes",
                 "carry the file itself"};
  }
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < total; ++i) {
    lines.push_back(std::string(kPrefix) + std::to_string(i + 1) + "/" + std::to_string(total) + ":" +
                    digest_of(content) + ":" + text.substr(i * per_code, per_code));
  }
  return lines;
}

bool is_transfer_text(ByteView file) {
  return as_text(file).starts_with(kPrefix);
}

Result<Bytes> from_transfer_text(std::string_view text) {
  TENON_TRY(const std::vector<Line> lines, parse_lines(text));
  if (lines.empty()) return Error{ErrorCode::kParse, "transfer: there is no line in it"};
  const Line& first = lines.front();
  std::vector<std::optional<std::string_view>> parts(first.total);
  for (const Line& line : lines) {
    if (line.total != first.total || line.digest != first.digest) {
      return Error{ErrorCode::kParse, "transfer: lines of two transfers are mixed", "scan the codes of one again"};
    }
    std::optional<std::string_view>& part = parts[line.number - 1];
    if (part && *part != line.body) {
      return Error{ErrorCode::kParse,
                   "transfer: code " + std::to_string(line.number) + " stands there twice and differs",
                   "scan it again, once"};
    }
    part = line.body;
  }
  std::string joined;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i]) {
      return Error{ErrorCode::kParse,
                   "transfer: code " + std::to_string(i + 1) + " of " + std::to_string(parts.size()) + " is missing"};
    }
    joined += *parts[i];
  }
  const std::optional<Bytes> packed = from_base45(joined);
  if (!packed) return Error{ErrorCode::kParse, "transfer: a line was not read rightly", "scan it again"};
  TENON_TRY(Bytes content, decompressed(*packed));
  if (digest_of(content) != first.digest) {
    return Error{ErrorCode::kMismatch, "transfer: the content does not have the digest that the lines state"};
  }
  return content;
}

Result<std::string> draw_code(const std::string& line) {
  // One segment: QRcode_encodeString would change modes within, which costs bits that the longest lines do not have.
  const std::unique_ptr<QRinput, void (*)(QRinput*)> input(QRinput_new2(0, QR_ECLEVEL_L), QRinput_free);
  const auto* characters = reinterpret_cast<const unsigned char*>(line.data());
  const bool fits = line.size() <= kMaxCodeCharacters &&
                    QRinput_append(input.get(), QR_MODE_AN, static_cast<int>(line.size()), characters) == 0;
  const std::unique_ptr<QRcode, void (*)(QRcode*)> code(fits ? QRcode_encodeInput(input.get()) : nullptr, QRcode_free);
  if (!code) return Error{ErrorCode::kLimit, "this is too long for one QR code"};
  const auto is_dark = [&](int x, int y) {
    const bool inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return inside && (code->data[y * code->width + x] & 1) != 0;
  };
  // Black on white: what is light is drawn, since most terminals are dark; colours are set all the same.
  constexpr std::string_view kOn = "\x1b[30;47m";
  constexpr std::string_view kOff = "\x1b[0m";
  std::string drawing;
  for (int y = -kQuietZone; y < code->width + kQuietZone; y += 2) {
    drawing += kOn;
    for (int x = -kQuietZone; x < code->width + kQuietZone; ++x) {
      const bool upper = is_dark(x, y);
      const bool lower = is_dark(x, y + 1);
      drawing += upper && lower ? "\u2588" : upper ? "\u2580" : lower ? "\u2584" : " ";
    }
    drawing += kOff;
    drawing += '\n';
  }
  return drawing;
}

}  // namespace tenon::keyctl
