#include <tenon/keyctl/signing_keys.h>
#include <tenon/metadata/utf8.h>

namespace tenon::keyctl {

Result<std::vector<SigningKey>> find_signing_keys(const std::vector<std::string>& references,
                                                  const std::vector<hsm::SecretSource>& sources,
                                                  const hsm::TokenOptions& token, KeyNames& names) {
  if (sources.size() != 1 && sources.size() != references.size()) {
    return Error{
        ErrorCode::kUsage,
        std::to_string(sources.size()) + " times --passphrase-from for " + std::to_string(references.size()) + " keys",
        "give it once for all keys, or once for each"};
  }
  std::vector<SigningKey> keys;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const std::string& reference = references[i];
    TENON_TRY(const std::optional<hsm::KeyFile> file, hsm::read_public_half(reference));
    if (!file) {
      return Error{ErrorCode::kUsage, printable(reference) + ": a URI does not say which key to expect",
                   "name the NAME.tenon-key that key generate or key export-pub wrote"};
    }
    names.add(*file);
    const hsm::SignerOptions options{sources[sources.size() == 1 ? 0 : i], token};
    keys.push_back({reference, file->key, [=] { return hsm::open_signer(reference, options); }});
  }
  return keys;
}

}  // namespace tenon::keyctl
