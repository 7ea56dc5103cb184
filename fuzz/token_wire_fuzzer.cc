// What the process of a PKCS#11 module may answer, and what it may be asked. The first byte says which message the rest is;
// what is read is written back as the same, is safe for a terminal, and is chosen from without surprises.
#include <tenon/hsm/pkcs11_error.h>
#include <tenon/hsm/token_choice.h>
#include <tenon/hsm/token_key.h>
#include <tenon/hsm/token_wire.h>
#include <tenon/metadata/check.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <cstdint>

using tenon::ByteView;
using tenon::Result;
namespace hsm = tenon::hsm;
namespace json = tenon::json;
namespace wire = tenon::hsm::wire;

namespace {

template <class Message>
std::optional<Message> read_and_write_back(ByteView body) {
  const Result<json::Value> value = json::parse(body, {.max_bytes = wire::kMaxReplyBytes, .max_values = 8192});
  if (!value) return std::nullopt;
  const Result<Message> message = Message::read(*value);
  if (!message) {
    TENON_CHECK(!message.error().message.empty());
    return std::nullopt;
  }
  const Result<Message> again = Message::read(message->to_json());
  TENON_CHECK(again && json::Value(again->to_json()) == json::Value(message->to_json()));
  return *message;
}

void check_tokens(ByteView body) {
  const std::optional<wire::TokenList> list = read_and_write_back<wire::TokenList>(body);
  if (!list) return;
  TENON_CHECK(list->tokens.size() <= wire::kMaxTokens);
  for (const wire::TokenInfo& token : list->tokens) {
    const std::string shown = hsm::describe_token(token);
    TENON_CHECK(tenon::printable(shown, shown.size()) == shown);
    hsm::Pkcs11Uri uri;
    uri.token = token.label;
    uri.serial = token.serial;
    const Result<std::size_t> chosen = hsm::choose_token(uri, *list);
    const auto alike = std::ranges::count_if(list->tokens, [&](const wire::TokenInfo& other) {
      return other.initialized && other.label == token.label && other.serial == token.serial;
    });
    TENON_CHECK(chosen.has_value() == (alike == 1));
  }
}

void check_keys(ByteView body) {
  const std::optional<wire::KeyList> list = read_and_write_back<wire::KeyList>(body);
  if (!list) return;
  TENON_CHECK(list->keys.size() <= wire::kMaxKeys);
  for (const wire::KeyObject& object : list->keys) {
    if (const Result<tenon::metadata::PublicKey> key = hsm::public_key_of(object)) {
      TENON_CHECK(key->material().has_value());
      TENON_CHECK(*tenon::metadata::PublicKey::parse(key->value()) == *key);
    }
    hsm::Pkcs11Uri uri;
    uri.id = object.id;
    const Result<hsm::KeyPair> pair = hsm::choose_key(uri, *list);
    if (!pair) continue;
    const wire::KeyObject& chosen = list->keys.at(pair->private_key);
    TENON_CHECK(chosen.is_private && chosen.signs && chosen.id == object.id);
    if (pair->public_key) TENON_CHECK(!list->keys.at(*pair->public_key).is_private);
  }
}

void check_failure(ByteView body) {
  const Result<wire::CallFailure> failure = wire::CallFailure::parse(tenon::as_text(body));
  if (!failure) return;
  TENON_CHECK(failure->text() == tenon::as_text(body));
  const tenon::Error error = hsm::pkcs11_error(*failure);
  TENON_CHECK(tenon::printable(error.message, error.message.size()) == error.message);
  TENON_CHECK(error.message.find(failure->call) != std::string::npos);
}

void check_signature(ByteView body) {
  const Result<tenon::Bytes> der = hsm::tuf_signature(wire::Mechanism::kEcdsa, body);
  TENON_CHECK(der.has_value() == (body.size() == 64));
  if (der) TENON_CHECK(der->size() >= 8 && der->size() <= 72 && (*der)[1] == der->size() - 2);
}

void check_sign_request(ByteView body) {
  const Result<wire::SignRequest> request = wire::SignRequest::read(body);
  if (request) TENON_CHECK(std::ranges::equal(request->bytes(), body));
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  tenon::init_crypto();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView body = ByteView(data, size).subspan(1);
  switch (data[0]) {
    case 't': check_tokens(body); break;
    case 'k': check_keys(body); break;
    case 'f': check_failure(body); break;
    case 's': check_signature(body); break;
    case 'r': check_sign_request(body); break;
    case 'm': (void)read_and_write_back<wire::ModuleChoice>(body); break;
    case 'o': (void)read_and_write_back<wire::SessionRequest>(body); break;
    case 'q': (void)read_and_write_back<wire::KeyQuery>(body); break;
    case 'g': (void)read_and_write_back<wire::GenerateRequest>(body); break;
    default: break;
  }
  return 0;
}
