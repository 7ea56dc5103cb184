// Pkcs11Uri: which key in which token, as RFC 7512 writes it. Stricter than the standard: no PIN in the text
// (pin-value), no code that a text could load (module-path), no slot numbers, which change; nothing twice, nothing
// unknown, since both would be dropped in silence and then another key could match.
// It is never shown as it was given: text() writes it anew, without what it should not show.
// Thread: a value.
//
//   TENON_TRY(Pkcs11Uri uri, Pkcs11Uri::parse("pkcs11:token=ceremony;serial=15938791;id=%01"));
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <optional>
#include <string>
#include <string_view>

namespace tenon::hsm {

struct Pkcs11Uri {
  static constexpr std::string_view kScheme = "pkcs11:";
  static constexpr std::size_t kMaxBytes = 4096;

  // What the token must be called. Absent: any.
  std::optional<std::string> token;
  std::optional<std::string> manufacturer;
  std::optional<std::string> model;
  std::optional<std::string> serial;
  // Which key.
  std::optional<std::string> object;
  std::optional<Bytes> id;
  // How to get there.
  std::optional<std::string> module_name;  // a module that this system's p11-kit configuration names
  std::optional<std::string> pin_source;   // as SecretSource reads it: prompt, fd:N or file:PATH

  // is_uri is true for text that means to be one.
  static bool is_uri(std::string_view text) { return text.starts_with(kScheme); }
  // parse repeats no value of the text in its errors: one could be a PIN. Errors: E_USAGE.
  static Result<Pkcs11Uri> parse(std::string_view text);

  // text is what parse reads, without pin_source.
  std::string text() const;
  bool operator==(const Pkcs11Uri&) const = default;
};

}  // namespace tenon::hsm
