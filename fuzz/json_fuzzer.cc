// The JSON reader: what it reads, another reader reads as the same value; it is written back as the same value, and its
// canonical form is stable.
#include <tenon/metadata/check.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/utf8.h>

#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

using tenon::ByteView;
namespace json = tenon::json;

namespace {

// A file that two readers understand in two ways could be signed by the one and obeyed by the other.
void check_against_another_reader(std::string_view text, const json::Value& value) {
  const nlohmann::json other = nlohmann::json::parse(text, nullptr, false);
  TENON_CHECK(!other.is_discarded());
  TENON_CHECK(other == nlohmann::json::parse(json::to_text(value)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tenon::Result<json::Value> value = json::parse(ByteView(data, size));
  if (!value) {
    TENON_CHECK(!value.error().message.empty());
    TENON_CHECK(value.error().code == tenon::ErrorCode::kParse || value.error().code == tenon::ErrorCode::kLimit);
    return 0;
  }
  check_against_another_reader(tenon::as_text(ByteView(data, size)), *value);
  for (const std::size_t indent : {0u, 1u}) {
    const tenon::Result<json::Value> again = json::parse(tenon::as_bytes(json::to_text(*value, indent)));
    TENON_CHECK(again && *again == *value);
  }
  const std::string canonical = json::canonical(*value);
  TENON_CHECK(canonical == json::canonical(*value));
  TENON_CHECK(tenon::is_utf8(canonical));
  // Canonical JSON is JSON too, unless it holds raw control characters; then it reads back as the same value.
  if (const tenon::Result<json::Value> again = json::parse(tenon::as_bytes(canonical))) {
    TENON_CHECK(*again == *value);
  } else {
    TENON_CHECK(tenon::has_control_characters(canonical));
  }
  return 0;
}
