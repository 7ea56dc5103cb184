// The envelope: what was signed stays what was signed when the file is written again.
#include <tenon/metadata/check.h>
#include <tenon/metadata/envelope.h>

#include <algorithm>
#include <cstdint>

using tenon::ByteView;
using tenon::metadata::Envelope;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kStarted = (tenon::init_crypto(), true);
  (void)kStarted;
  constexpr std::size_t kMaxBytes = 1u << 20;
  const tenon::Result<Envelope> envelope = Envelope::parse(ByteView(data, size), kMaxBytes);
  if (!envelope) {
    TENON_CHECK(!envelope.error().message.empty());
    TENON_CHECK(envelope.error().code == tenon::ErrorCode::kParse || envelope.error().code == tenon::ErrorCode::kLimit);
    return 0;
  }
  TENON_CHECK(size <= kMaxBytes && envelope->identity().length == size);
  TENON_CHECK(envelope->signatures().size() <= tenon::metadata::Limits{}.signatures);
  const std::string text = envelope->to_text();
  const tenon::Result<Envelope> again = Envelope::parse(tenon::as_bytes(text), std::max(kMaxBytes, text.size()));
  TENON_CHECK(again.has_value());
  TENON_CHECK(std::ranges::equal(again->signed_bytes(), envelope->signed_bytes()));
  TENON_CHECK(again->signatures() == envelope->signatures());
  return 0;
}
