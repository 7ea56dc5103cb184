#include <tenon/hsm/pkcs11_uri.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

namespace tenon::hsm {
namespace {

constexpr std::size_t kMaxKeyIdBytes = 64;
constexpr std::size_t kMaxTextBytes = 255;
constexpr std::array<std::string_view, 7> kPathAttributes = {"token",  "manufacturer", "model", "serial",
                                                             "object", "id",           "type"};
constexpr std::array<std::string_view, 2> kQueryAttributes = {"module-name", "pin-source"};

struct FreeUri {
  void operator()(P11KitUri* uri) const { p11_kit_uri_free(uri); }
};
using UriPtr = std::unique_ptr<P11KitUri, FreeUri>;

Error refused(std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, "this pkcs11: URI " + std::move(why), std::move(hint)};
}

Error refused_attribute(std::string_view name) {
  if (name == "pin-value") {
    return refused("holds a PIN (pin-value), which others can then read; change the PIN",
                   "leave it out and be asked, or use --pin-from fd:N or file:PATH");
  }
  if (name == "module-path") {
    return refused("names code to load (module-path)", "use --pkcs11-module FILE");
  }
  if (name == "slot-id") return refused("names a slot (slot-id), whose number changes", "use token= and serial=");
  return refused("has an attribute that is not known: \"" + printable(name, 40) + "\"",
                 "known are token, serial, manufacturer, model, object, id, type, module-name, pin-source");
}

template <class Names>
Result<void> check_attributes(std::string_view part, char separator, const Names& known,
                              std::vector<std::string_view>& seen) {
  while (!part.empty()) {
    const std::size_t end = std::min(part.find(separator), part.size());
    const std::string_view attribute = part.substr(0, end);
    part.remove_prefix(std::min(end + 1, part.size()));
    const std::size_t equals = attribute.find('=');
    const std::string_view name = attribute.substr(0, equals);
    if (std::ranges::find(known, name) == known.end()) return refused_attribute(name);
    if (equals == attribute.npos || equals + 1 == attribute.size()) {
      return refused("has an empty attribute: \"" + std::string(name) + "\"");
    }
    if (std::ranges::find(seen, name) != seen.end()) return refused("names \"" + std::string(name) + "\" twice");
    seen.push_back(name);
  }
  return {};
}

// What p11-kit is silent about: it takes the last of two, and skips what it does not know.
Result<void> check_form(std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain) return refused("holds blanks or bytes that must be written as %NN");
  text.remove_prefix(Pkcs11Uri::kScheme.size());
  const std::size_t query = std::min(text.find('?'), text.size());
  std::vector<std::string_view> seen;
  TENON_TRY_VOID(check_attributes(text.substr(0, query), ';', kPathAttributes, seen));
  if (query == text.size()) return {};
  return check_attributes(text.substr(query + 1), '&', kQueryAttributes, seen);
}

Result<std::string> checked_text(std::string_view name, std::string_view text) {
  if (!text.empty() && text.size() <= kMaxTextBytes && is_utf8(text) && !has_control_characters(text)) {
    return std::string(text);
  }
  return refused("has a value that no token shows: of \"" + std::string(name) + "\"");
}

// A field of CK_TOKEN_INFO: blank-padded, or all zero if the URI does not name it.
template <std::size_t size>
Result<void> take_field(std::string_view name, const unsigned char (&field)[size], std::optional<std::string>& to) {
  if (field[0] == 0 && std::ranges::all_of(field, [](unsigned char c) { return c == 0; })) return {};
  std::string_view text(reinterpret_cast<const char*>(field), size);
  while (text.ends_with(' ')) text.remove_suffix(1);
  TENON_TRY(to, checked_text(name, text));
  return {};
}

Result<void> take_object(P11KitUri* uri, Pkcs11Uri& parsed) {
  if (const CK_ATTRIBUTE* label = p11_kit_uri_get_attribute(uri, CKA_LABEL); label != nullptr) {
    const std::string_view text(static_cast<const char*>(label->pValue), label->ulValueLen);
    TENON_TRY(parsed.object, checked_text("object", text));
  }
  if (const CK_ATTRIBUTE* id = p11_kit_uri_get_attribute(uri, CKA_ID); id != nullptr) {
    if (id->ulValueLen == 0 || id->ulValueLen > kMaxKeyIdBytes)
      return refused("has an id that is not of 1 to 64 bytes");
    const auto* bytes = static_cast<const std::uint8_t*>(id->pValue);
    parsed.id = Bytes(bytes, bytes + id->ulValueLen);
  }
  const CK_ATTRIBUTE* type = p11_kit_uri_get_attribute(uri, CKA_CLASS);
  if (type == nullptr) return {};
  CK_OBJECT_CLASS kind = 0;
  if (type->ulValueLen == sizeof kind) kind = *static_cast<const CK_OBJECT_CLASS*>(type->pValue);
  if (kind == CKO_PRIVATE_KEY || kind == CKO_PUBLIC_KEY) return {};
  return refused("asks for something else than a key pair (type)", "use type=private, or leave it out");
}

// Unreserved characters as they are (RFC 3986), every other byte as %NN.
std::string encoded(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter_or_digit || c == '-' || c == '.' || c == '_' || c == '~') {
      text += c;
    } else {
      text += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}

}  // namespace

Result<Pkcs11Uri> Pkcs11Uri::parse(std::string_view text) {
  if (!is_uri(text)) return Error{ErrorCode::kUsage, "a URI of a key in a token begins with \"pkcs11:\""};
  if (text.size() > kMaxBytes) return refused("is longer than " + std::to_string(kMaxBytes) + " bytes");
  TENON_TRY_VOID(check_form(text));
  const UriPtr uri(p11_kit_uri_new());
  TENON_CHECK(uri != nullptr);
  const std::string terminated(text);
  if (p11_kit_uri_parse(terminated.c_str(), P11_KIT_URI_FOR_ANY, uri.get()) != P11_KIT_URI_OK ||
      p11_kit_uri_any_unrecognized(uri.get()) != 0) {
    return refused("is not of the form of RFC 7512, or a value is longer than a token's",
                   "as in 'pkcs11:token=ceremony;serial=15938791;id=%01'");
  }
  Pkcs11Uri parsed;
  const CK_TOKEN_INFO& token = *p11_kit_uri_get_token_info(uri.get());
  TENON_TRY_VOID(take_field("token", token.label, parsed.token));
  TENON_TRY_VOID(take_field("manufacturer", token.manufacturerID, parsed.manufacturer));
  TENON_TRY_VOID(take_field("model", token.model, parsed.model));
  TENON_TRY_VOID(take_field("serial", token.serialNumber, parsed.serial));
  TENON_TRY_VOID(take_object(uri.get(), parsed));
  if (const char* name = p11_kit_uri_get_module_name(uri.get()); name != nullptr) {
    TENON_TRY(parsed.module_name, checked_text("module-name", name));
  }
  if (const char* source = p11_kit_uri_get_pin_source(uri.get()); source != nullptr) {
    TENON_TRY(parsed.pin_source, checked_text("pin-source", source));
  }
  return parsed;
}

std::string Pkcs11Uri::text() const {
  std::string path;
  const auto add = [&](std::string_view name, const auto& value) {
    if (!value) return;
    path += (path.empty() ? "" : ";") + std::string(name) + "=" +
            encoded({reinterpret_cast<const char*>(value->data()), value->size()});
  };
  add("token", token);
  add("manufacturer", manufacturer);
  add("model", model);
  add("serial", serial);
  add("object", object);
  add("id", id);
  return std::string(kScheme) + path + (module_name ? "?module-name=" + encoded(*module_name) : "");
}

}  // namespace tenon::hsm
