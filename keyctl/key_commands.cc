#include <tenon/hsm/file_io.h>
#include <tenon/hsm/software_key.h>
#include <tenon/hsm/token_signer.h>
#include <tenon/keyctl/key_commands.h>
#include <tenon/metadata/utf8.h>

namespace tenon::keyctl {

namespace {

std::string proof_step(const std::string& key) {
  return "next     when the ceremony has a nonce: tenon-keyctl key proof --key " + key + " --nonce NONCE\n";
}

}  // namespace

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
                 "public   " + public_path + " (send it to whoever drafts the root)\n" + proof_step(private_path);
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

constexpr std::size_t kNewKeyIdBytes = 8;

hsm::KeyFile key_file_of(const hsm::KeyName& name, const metadata::PublicKey& key, const hsm::TokenFacts& facts) {
  hsm::KeyFile file = hsm::KeyFile::of(name, key);
  file.token = facts;
  return file;
}

// What a person should know of a key that could have been elsewhere.
void warn_of(const hsm::TokenFacts& facts, Report& report) {
  if (!facts.local) report.warnings.push_back("the token does not say that the key was made in it");
  if (!facts.never_extractable) report.warnings.push_back("the token does not say that the key can never leave it");
}

Report report_public(const hsm::KeyFile& file, const std::filesystem::path& path) {
  Report report = show_key(file);
  const std::string shown = printable(path.native());
  report.text += "public   " + shown + " (send it to whoever drafts the root)\n" + proof_step(shown);
  report.data.set("public_file", shown);
  warn_of(*file.token, report);
  return report;
}

Result<Report> dry_generate(const TokenGenerateOptions& options) {
  TENON_TRY(const hsm::Token token, hsm::Token::find(options.uri, options.token, hsm::Token::Use::kRead));
  Report report;
  const std::string where = hsm::describe_token(token.info());
  report.text = "would make a key of type " + std::string(to_string(options.type)) + " in " + where + "\n";
  report.data.set("dry_run", true);
  report.data.set("token", where);
  return report;
}

Result<std::filesystem::path> proof_file(const ProofOptions& options) {
  if (!options.file.empty()) return options.file;
  if (hsm::Pkcs11Uri::is_uri(options.key)) {
    return Error{ErrorCode::kUsage, "which file gets the proof?", "add --file NAME.tenon-key"};
  }
  return std::filesystem::path(options.key).replace_extension(".tenon-key");
}

}  // namespace

Result<Report> generate_token_key(const TokenGenerateOptions& options) {
  const std::filesystem::path path = hsm::KeyPaths::in(options.folder, options.name).public_key;
  TENON_TRY_VOID(hsm::check_names_free(hsm::KeyPaths::in(options.folder, options.name)));
  if (options.dry_run) return dry_generate(options);
  TENON_TRY(hsm::Token token, hsm::Token::find(options.uri, options.token, hsm::Token::Use::kWrite));
  TENON_TRY_VOID(token.login());
  const hsm::SecretBytes random = hsm::SecretBytes::random(kNewKeyIdBytes);
  const ByteView random_id = random.bytes(hsm::RevealSecret());  // no secret: ids are public
  const Bytes id = options.uri.id.value_or(Bytes(random_id.begin(), random_id.end()));
  TENON_TRY(const hsm::Token::Key key, token.generate(options.type, options.uri.object.value_or(options.name.text()),
                                                      id, options.always_authenticate));
  const hsm::KeyFile file = key_file_of(options.name, key.public_key, key.facts);
  if (auto written = hsm::write_new_file(path, as_bytes(file.to_text()), hsm::FileMode::kPublic); !written) {
    Error error = std::move(written).error();
    error.message +=
        token.destroy_generated() ? "; the new key was removed from the token" : "; the new key is still in the token";
    return error;
  }
  return report_public(file, path);
}

Result<Report> export_public(const hsm::KeyName& name, const std::filesystem::path& folder, const hsm::Pkcs11Uri& uri,
                             const hsm::TokenOptions& token) {
  const std::filesystem::path path = hsm::KeyPaths::in(folder, name).public_key;
  TENON_TRY_VOID(hsm::check_names_free(hsm::KeyPaths::in(folder, name)));
  TENON_TRY(const std::unique_ptr<hsm::TokenSigner> signer, hsm::TokenSigner::open(uri, token));
  const hsm::KeyFile file = key_file_of(name, signer->public_key(), signer->facts());
  TENON_TRY_VOID(hsm::write_new_file(path, as_bytes(file.to_text()), hsm::FileMode::kPublic));
  return report_public(file, path);
}

Result<Report> prove_key(const ProofOptions& options, metadata::UtcTime now) {
  TENON_TRY(const std::filesystem::path path, proof_file(options));
  TENON_TRY(hsm::KeyFile file, hsm::read_key_file(path));
  if (options.dry_run) {
    Report report = show_key(file);
    report.text += "would sign nonce " + options.nonce.hex() + " with this key\n";
    return report;
  }
  TENON_TRY(const std::unique_ptr<hsm::Signer> signer, hsm::open_signer(options.key, options.signer));
  if (signer->public_key() != file.key) {
    return Error{ErrorCode::kPolicy, printable(path.native()) + " is of key " + file.keyid.brief() + ", not of " +
                                         signer->public_key().hash_keyid().brief() + "; nothing was signed"};
  }
  TENON_TRY(file.proof, hsm::make_proof(*signer, options.nonce, now));
  TENON_TRY_VOID(hsm::replace_file(path, as_bytes(file.to_text()), hsm::FileMode::kPublic));
  return show_key(file);
}

Result<Report> change_key_passphrase(const std::filesystem::path& file, const hsm::SecretSource& old_source,
                                     const std::function<Result<hsm::SecretBytes>(const hsm::KeyName&)>& new_one) {
  TENON_TRY(const hsm::KeyFile sidecar, hsm::change_passphrase(file, old_source, new_one));
  Report report = show_key(sidecar);
  report.text += "The passphrase was changed. Copies of the old file still open with the old one: destroy them.\n";
  return report;
}

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
