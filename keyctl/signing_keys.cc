#include <tenon/hsm/software_key.h>
#include <tenon/keyctl/signing_keys.h>

namespace tenon::keyctl {

Result<std::vector<SigningKey>> find_signing_keys(const std::vector<std::string>& references,
                                                  const std::vector<hsm::SecretSource>& sources, KeyNames& names) {
  if (sources.size() != 1 && sources.size() != references.size()) {
    return Error{
        ErrorCode::kUsage,
        std::to_string(sources.size()) + " times --passphrase-from for " + std::to_string(references.size()) + " keys",
        "give it once for all keys, or once for each"};
  }
  std::vector<SigningKey> keys;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const std::string& reference = references[i];
    const hsm::SecretSource source = sources[sources.size() == 1 ? 0 : i];
    TENON_TRY(const hsm::KeyFile sidecar, hsm::read_sidecar(reference));
    names.add(sidecar);
    keys.push_back({reference, sidecar.key, [=] { return hsm::open_software_signer(reference, source); }});
  }
  return keys;
}

}  // namespace tenon::keyctl
