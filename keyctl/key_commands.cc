#include <tenon/hsm/software_key.h>
#include <tenon/keyctl/key_commands.h>
#include <tenon/metadata/utf8.h>

namespace tenon::keyctl {

Result<Report> generate_key(const GenerateOptions& options, const AskPassphrase& passphrase) {
  const hsm::KeyPaths paths = hsm::KeyPaths::in(options.folder, options.name);
  TENON_TRY_VOID(hsm::check_names_free(paths));
  TENON_TRY(const hsm::SecretBytes secret, passphrase());
  const hsm::SoftwareKey key = hsm::SoftwareKey::generate(options.type);
  TENON_TRY(const hsm::KeyFile file, hsm::save_new_key(key, paths, options.name, secret));
  Report report = show_key(file);
  const std::string private_path = printable(paths.private_key.native());
  const std::string public_path = printable(paths.public_key.native());
  report.text += "private  " + private_path + " (encrypted; keep it, and a copy of the passphrase elsewhere)\n" +
                 "public   " + public_path + " (send it to whoever drafts the root)\n";
  report.data.set("private_file", private_path);
  report.data.set("public_file", public_path);
  return report;
}

namespace {

std::string describe_token(const hsm::TokenFacts& token) {
  return "token    " + token.label + ", " + token.manufacturer + " " + token.model + ", serial " + token.serial + "\n" +
         "         " + (token.local ? "made in the token" : "NOT made in the token") + ", " +
         (token.never_extractable ? "never left it" : "MAY have left it") +
         (token.always_authenticate ? ", wants the PIN for each signature\n" : "\n");
}

}  // namespace

Report show_key(const hsm::KeyFile& file) {
  Report report;
  report.text = "name     " + file.name.text() + "\nkeyid    " + file.keyid.text() + "\ntype     " +
                printable(file.key.keytype()) + " (" + printable(file.key.scheme()) + ")\n";
  if (file.token) report.text += describe_token(*file.token);
  if (file.proof) report.text += "proof    " + file.proof->made.text() + ", nonce " + file.proof->nonce.hex() + "\n";
  report.data = file.to_json();
  report.data.erase("format");
  return report;
}

}  // namespace tenon::keyctl
