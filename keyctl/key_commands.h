// tenon-keyctl key generate and key show.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/hsm/key_type.h>
#include <tenon/hsm/secret_bytes.h>
#include <tenon/keyctl/report.h>

#include <filesystem>
#include <functional>

namespace tenon::keyctl {

struct GenerateOptions {
  hsm::KeyName name;
  hsm::KeyType type = hsm::KeyType::kEd25519;
  std::filesystem::path folder = ".";
};

// AskPassphrase gives the passphrase of the new key. Called once, after the names of the files were found free.
using AskPassphrase = std::function<Result<hsm::SecretBytes>()>;

// generate_key writes NAME.pem and NAME.tenon-key. Errors: E_POLICY if either exists or the passphrase is too short;
// E_STORAGE; those of passphrase.
Result<Report> generate_key(const GenerateOptions& options, const AskPassphrase& passphrase);

Report show_key(const hsm::KeyFile& file);

}  // namespace tenon::keyctl
