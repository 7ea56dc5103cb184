#include <tenon/hsm/pkcs11_error.h>
#include <tenon/hsm/token_signer.h>
#include <tenon/keyctl/token_commands.h>
#include <tenon/metadata/hex.h>

#include <vector>

namespace tenon::keyctl {
namespace {

using hsm::wire::Mechanism;

constexpr std::string_view kTestText = "tenon: a test signature that signs nothing";

std::string state_of(const hsm::wire::TokenInfo& token) {
  if (!token.initialized) return "not initialized";
  if (token.pin_locked) return "PIN LOCKED";
  if (!token.pin_set) return "no PIN set";
  if (token.pin_final_try) return "ONE PIN try left";
  if (token.pin_count_low) return "few PIN tries left";
  return "ready";
}

json::Object to_json(const hsm::wire::TokenInfo& token) {
  json::Object object = token.to_json();
  object.set("state", state_of(token));
  hsm::Pkcs11Uri uri;
  uri.token = token.label;
  uri.serial = token.serial;
  object.set("uri", uri.text());
  return object;
}

std::vector<Mechanism> mechanisms_for(const metadata::PublicKey& key) {
  if (key.material()->family == "rsa") return {Mechanism::kRsaPss, Mechanism::kRsaPssSha256};
  if (key.material()->family == "ed25519") return {Mechanism::kEddsa};
  return {Mechanism::kEcdsa, Mechanism::kEcdsaSha256};
}

}  // namespace

Result<Report> list_tokens(const hsm::TokenOptions& options) {
  TENON_TRY(const hsm::TokenProcess process, hsm::TokenProcess::start(options.module, std::nullopt));
  Report report;
  json::Array tokens;
  for (const hsm::wire::TokenInfo& token : process.tokens().tokens) {
    report.text += hsm::describe_token(token) + "\n  " + state_of(token) + ", module " + token.module + "\n";
    tokens.push_back(to_json(token));
  }
  if (tokens.empty()) report.text = "no token is there\n";
  for (const hsm::wire::ModuleProblem& problem : process.tokens().problems) {
    const Error error = hsm::pkcs11_error(problem.failure);
    report.warnings.push_back("module " + problem.module + ": " + error.message + "; " + error.hint);
  }
  report.data.set("tokens", std::move(tokens));
  return report;
}

Result<Report> probe_token(const hsm::Pkcs11Uri& uri, const hsm::TokenOptions& options) {
  TENON_TRY(const std::unique_ptr<hsm::TokenSigner> signer, hsm::TokenSigner::open(uri, options));
  const hsm::TokenFacts& facts = signer->facts();
  Report report;
  report.text = "token    " + facts.label + ", " + facts.manufacturer + " " + facts.model + ", serial " + facts.serial +
                "\nkey      " + signer->public_key().hash_keyid().text() + "\ntype     " +
                signer->public_key().keytype() + ", id " + to_hex(facts.key_id) + "\n";
  json::Object results;
  for (const Mechanism mechanism : mechanisms_for(signer->public_key())) {
    const Result<Bytes> signature = signer->try_mechanism(mechanism, as_bytes(kTestText));
    const std::string name(to_string(mechanism));
    report.text += name + ": " + (signature ? "works" : "does not work: " + signature.error().message) + "\n";
    results.set(name, signature ? "works" : signature.error().message);
  }
  report.data.set("keyid", signer->public_key().hash_keyid().text());
  report.data.set("token", facts.to_json());
  report.data.set("mechanisms", std::move(results));
  return report;
}

}  // namespace tenon::keyctl
