#include <tenon/hsm/token_choice.h>
#include <tenon/metadata/hex.h>

#include <algorithm>
#include <vector>

namespace tenon::hsm {
namespace {

template <class Value>
bool fits(const std::optional<Value>& wanted, const Value& value) {
  return !wanted || *wanted == value;
}

bool fits(const Pkcs11Uri& uri, const wire::TokenInfo& token) {
  return token.initialized && fits(uri.token, token.label) && fits(uri.manufacturer, token.manufacturer) &&
         fits(uri.model, token.model) && fits(uri.serial, token.serial);
}

bool fits(const Pkcs11Uri& uri, const wire::KeyObject& key) {
  return fits(uri.id, key.id) && fits(uri.object, key.label);
}

template <class Describe>
std::string joined(const std::vector<std::size_t>& numbers, Describe describe) {
  std::string text;
  for (const std::size_t number : numbers) text += (text.empty() ? "" : "; ") + describe(number);
  return text;
}

template <class Items, class Fits>
std::vector<std::size_t> numbers_of(const Items& items, Fits is_wanted) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (is_wanted(items[i])) numbers.push_back(i);
  }
  return numbers;
}

}  // namespace

std::string describe_token(const wire::TokenInfo& token) {
  return "token \"" + token.label + "\" (" + token.manufacturer + " " + token.model + ", serial " + token.serial + ")";
}

std::string describe_key(const wire::KeyObject& key) {
  return "key \"" + key.label + "\" (id " + (key.id.empty() ? "none" : to_hex(key.id)) + ")";
}

Result<std::size_t> choose_token(const Pkcs11Uri& uri, const wire::TokenList& list) {
  const auto fitting = numbers_of(list.tokens, [&](const wire::TokenInfo& token) { return fits(uri, token); });
  const auto describe = [&](std::size_t i) { return describe_token(list.tokens[i]); };
  if (fitting.size() == 1) return fitting.front();
  if (fitting.size() > 1) {
    return Error{ErrorCode::kPolicy,
                 std::to_string(fitting.size()) + " tokens fit " + uri.text() + ": " + joined(fitting, describe),
                 "pull the others out, or name one with token= and serial=; no PIN was asked for"};
  }
  const auto all = numbers_of(list.tokens, [](const wire::TokenInfo& token) { return token.initialized; });
  return Error{ErrorCode::kHw,
               "no token fits " + uri.text() + "; there " + (all.empty() ? "is none" : "are: ") + joined(all, describe),
               "plug it in; tenon-keyctl token list shows what is there"};
}

Result<KeyPair> choose_key(const Pkcs11Uri& uri, const wire::KeyList& list) {
  const auto describe = [&](std::size_t i) { return describe_key(list.keys[i]); };
  const auto fitting =
      numbers_of(list.keys, [&](const wire::KeyObject& key) { return key.is_private && key.signs && fits(uri, key); });
  if (fitting.size() > 1) {
    return Error{ErrorCode::kPolicy,
                 std::to_string(fitting.size()) + " keys fit " + uri.text() + ": " + joined(fitting, describe),
                 "name one with id="};
  }
  if (fitting.empty()) {
    return Error{ErrorCode::kHw, "no private key that may sign fits " + uri.text(),
                 "tenon-keyctl token probe shows what is in the token"};
  }
  const wire::KeyObject& chosen = list.keys[fitting.front()];
  const auto halves = numbers_of(list.keys, [&](const wire::KeyObject& key) {
    return !key.is_private && key.key_type == chosen.key_type &&
           (chosen.id.empty() ? key.label == chosen.label : key.id == chosen.id);
  });
  if (halves.size() > 1) {
    return Error{ErrorCode::kPolicy,
                 "two public keys belong to " + describe_key(chosen) + ": " + joined(halves, describe),
                 "remove the one that is not its own with the vendor's program"};
  }
  return KeyPair{fitting.front(), halves.empty() ? std::nullopt : std::optional(halves.front())};
}

}  // namespace tenon::hsm
