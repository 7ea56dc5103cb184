#include <tenon/hsm/open_signer.h>
#include <tenon/hsm/software_key.h>
#include <tenon/hsm/token_signer.h>
#include <tenon/metadata/utf8.h>

namespace tenon::hsm {
namespace {

constexpr std::string_view kKeyFileEnding = ".tenon-key";

Result<std::unique_ptr<Signer>> open_token_signer(const Pkcs11Uri& uri, const TokenOptions& options,
                                                  const std::optional<metadata::PublicKey>& expected) {
  TENON_TRY(std::unique_ptr<TokenSigner> signer, TokenSigner::open(uri, options, expected));
  return std::unique_ptr<Signer>(std::move(signer));
}

}  // namespace

Pkcs11Uri token_uri(const KeyFile& file) {
  Pkcs11Uri uri;
  uri.token = file.token->label;
  uri.manufacturer = file.token->manufacturer;
  uri.model = file.token->model;
  uri.serial = file.token->serial;
  if (!file.token->key_id.empty()) uri.id = file.token->key_id;
  return uri;
}

Result<std::optional<KeyFile>> read_public_half(const std::string& reference) {
  if (Pkcs11Uri::is_uri(reference)) return std::optional<KeyFile>();
  const bool is_public = std::string_view(reference).ends_with(kKeyFileEnding);
  TENON_TRY(KeyFile file, is_public ? read_key_file(reference) : read_sidecar(reference));
  return std::optional(std::move(file));
}

Result<std::unique_ptr<Signer>> open_signer(const std::string& reference, const SignerOptions& options) {
  if (Pkcs11Uri::is_uri(reference)) {
    TENON_TRY(const Pkcs11Uri uri, Pkcs11Uri::parse(reference));
    return open_token_signer(uri, options.token, std::nullopt);
  }
  if (!std::string_view(reference).ends_with(kKeyFileEnding)) {
    return open_software_signer(reference, options.passphrase);
  }
  TENON_TRY(const KeyFile file, read_key_file(reference));
  if (file.token) return open_token_signer(token_uri(file), options.token, file.key);
  return Error{ErrorCode::kUsage,
               printable(reference) + " is a public key, and names no token that holds the private one",
               "name the private key (NAME.pem) or a pkcs11: URI"};
}

}  // namespace tenon::hsm
