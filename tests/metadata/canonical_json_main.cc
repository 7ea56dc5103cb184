// Writes documents in canonical form, for comparison with other implementations: from standard input to standard
// output, each as a length of four bytes, the highest first, and so many bytes. A document that is refused comes out
// with length 0, which no canonical form has.
#include <tenon/metadata/json.h>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace {

constexpr std::size_t kMaxDocument = 16u << 20;

std::optional<std::string> read_document() {
  unsigned char head[4];
  if (std::fread(head, 1, sizeof head, stdin) != sizeof head) return std::nullopt;
  const std::size_t length = static_cast<std::size_t>(head[0]) << 24 | static_cast<std::size_t>(head[1]) << 16 |
                             static_cast<std::size_t>(head[2]) << 8 | head[3];
  if (length > kMaxDocument) return std::nullopt;
  std::string document(length, '\0');
  if (std::fread(document.data(), 1, length, stdin) != length) return std::nullopt;
  return document;
}

void write_document(const std::string& document) {
  const auto length = static_cast<std::uint32_t>(document.size());
  for (int shift = 24; shift >= 0; shift -= 8) std::fputc(static_cast<int>(length >> shift & 0xFF), stdout);
  std::fwrite(document.data(), 1, document.size(), stdout);
}

}  // namespace

int main() {
  while (const std::optional<std::string> document = read_document()) {
    const tenon::Result<tenon::json::Value> value = tenon::json::parse(tenon::as_bytes(*document));
    write_document(value ? tenon::json::canonical(*value) : std::string());
  }
  return 0;
}
