// URIs of keys in tokens: whatever is read is written back as the same key; no attribute counts twice, no PIN is in what is
// shown, and no error repeats a value.
#include <tenon/hsm/pkcs11_uri.h>
#include <tenon/metadata/check.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <cstdint>
#include <string>

using tenon::hsm::Pkcs11Uri;

namespace {

// A value that must never be shown: what follows the first pin-value=, up to the next separator.
std::string_view pin_in(std::string_view text) {
  constexpr std::string_view kName = "pin-value=";
  const std::size_t at = text.find(kName);
  if (at == text.npos) return {};
  text.remove_prefix(at + kName.size());
  return text.substr(0, text.find_first_of("&;?"));
}

// Another character of the same kind, so that the text is refused for the same reason.
char other_than(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<char>('a' + (c - 'a' + 13) % 26);
  if (c >= 'A' && c <= 'Z') return static_cast<char>('A' + (c - 'A' + 13) % 26);
  if (c >= '0' && c <= '9') return static_cast<char>('0' + (c - '0' + 5) % 10);
  return c;
}

// Whether an error repeats a PIN. One that stands in our own words, as "token begins", stands there with another PIN too.
bool repeats(const std::string& message, std::string_view text, std::string_view pin) {
  if (pin.empty() || message.find(pin) == std::string::npos) return false;
  std::string other(text);
  const auto begin = other.begin() + (pin.data() - text.data());
  std::transform(begin, begin + static_cast<std::ptrdiff_t>(pin.size()), begin, other_than);
  const tenon::Result<Pkcs11Uri> uri = Pkcs11Uri::parse(other);
  return uri || uri.error().message.find(pin) == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tenon::as_text(tenon::ByteView(data, size));
  const tenon::Result<Pkcs11Uri> uri = Pkcs11Uri::parse(text);
  if (!uri) {
    TENON_CHECK(uri.error().code == tenon::ErrorCode::kUsage && !uri.error().message.empty());
    TENON_CHECK(!repeats(uri.error().message, text, pin_in(text)));
    return 0;
  }
  TENON_CHECK(Pkcs11Uri::is_uri(text));

  const std::string written = uri->text();
  TENON_CHECK(written.find("pin") == std::string::npos || uri->token || uri->object || uri->id || uri->module_name ||
              uri->manufacturer || uri->model || uri->serial);
  TENON_CHECK(!tenon::has_control_characters(written) && tenon::is_utf8(written));
  Pkcs11Uri shown = *uri;
  shown.pin_source.reset();
  const tenon::Result<Pkcs11Uri> again = Pkcs11Uri::parse(written);
  TENON_CHECK(again && *again == shown);
  for (const std::string_view name : {"token", "object", "id"}) {
    const std::string twice = written + (written == Pkcs11Uri::kScheme ? "" : ";") + std::string(name) + "=%01%02";
    const bool has_it = written.find(std::string(name) + "=") != std::string::npos;
    if (has_it && !uri->module_name) TENON_CHECK(!Pkcs11Uri::parse(twice));
  }
  return 0;
}
