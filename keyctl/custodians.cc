#include <tenon/keyctl/custodians.h>
#include <tenon/keyctl/expiry.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::keyctl {
namespace {

constexpr std::size_t kDateBytes = 10;  // of 2026-11-28T...

// A basic string of TOML 1.0.
Result<std::string> toml_string(const std::string& text) {
  if (has_control_characters(text) || !is_utf8(text)) {
    return Error{ErrorCode::kUsage, "\"" + printable(text, 80) + "\" cannot stand in a policy"};
  }
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string token_text(const hsm::KeyFile& file) {
  if (!file.token) return "file";
  return file.token->model + " " + file.token->serial;
}

const hsm::ProofOfPossession* proof_of(const Drill& drill, const metadata::KeyId& keyid) {
  const auto found = std::ranges::find(drill.files, keyid, &hsm::KeyFile::keyid);
  return found == drill.files.end() || !found->proof ? nullptr : &*found->proof;
}

// Whether a proof, if there is one, says that its owner can sign today.
bool counts(const Drill& drill, const hsm::ProofOfPossession* proof, metadata::UtcTime now) {
  constexpr std::int64_t kSecondsPerDay = 86'400;
  const std::int64_t max_age = drill.policy.keys.pop_max_age_days * kSecondsPerDay;
  if (proof == nullptr) return max_age == 0 && !drill.nonce;
  if (drill.nonce && proof->nonce != *drill.nonce) return false;
  return max_age == 0 || proof->made.plus_seconds(max_age) >= now;
}

void count_roles(const Drill& drill, const metadata::Root& root, metadata::UtcTime now, Report& report) {
  json::Array rows;
  for (metadata::TopRole name : metadata::kTopRoles) {
    const metadata::RoleKeys& role = root.role(name);
    const auto can_sign = std::ranges::count_if(role.keyids, [&](const metadata::KeyId& keyid) {
      const hsm::ProofOfPossession* proof = proof_of(drill, keyid);
      return proof != nullptr && counts(drill, proof, now);
    });
    const auto threshold = static_cast<std::int64_t>(role.threshold.value());
    report.text += (can_sign < threshold    ? "TOO FEW  "
                    : can_sign == threshold ? "NO SPARE "
                                            : "ok       ") +
                   std::string(to_string(name)) + ": " + std::to_string(can_sign) + " of " +
                   std::to_string(role.keyids.size()) + " have shown that they can sign, " + std::to_string(threshold) +
                   " must\n";
    if (can_sign < threshold) report.status = ExitStatus::kNeedsPerson;
    json::Object row;
    row.set("role", std::string(to_string(name)));
    row.set("can_sign", static_cast<std::int64_t>(can_sign));
    row.set("keys", static_cast<std::int64_t>(role.keyids.size()));
    row.set("threshold", threshold);
    rows.emplace_back(std::move(row));
  }
  report.data.set("roles", std::move(rows));
}

}  // namespace

Result<std::string> custodian_lines(const hsm::KeyFile& file, const CustodianRequest& request, metadata::UtcTime now) {
  TENON_TRY(const std::string organisation, toml_string(request.organisation));
  TENON_TRY(const std::string contact, toml_string(request.contact));
  TENON_TRY(const std::string token, toml_string(token_text(file)));
  return "\n[custodians.\"" + file.keyid.text() + "\"]\nname = \"" + file.name.text() + "\"\norg = " + organisation +
         "\ncontact = " + contact + "\nsince = \"" + now.text().substr(0, kDateBytes) + "\"\ntoken = " + token + "\n";
}

Report list_custodians(const Drill& drill, metadata::UtcTime now) {
  Report report;
  json::Array rows;
  std::int64_t overdue = 0;
  for (const auto& [keyid, custodian] : drill.policy.custodians) {
    const hsm::ProofOfPossession* proof = proof_of(drill, keyid);
    const bool is_overdue = !counts(drill, proof, now);
    overdue += is_overdue ? 1 : 0;
    report.text += std::string(is_overdue ? "OVERDUE  " : "ok       ") + spelled_out(custodian.name, 80) + " of " +
                   spelled_out(custodian.organisation, 80) + ", key " + printable(keyid.brief()) + ", " +
                   printable(custodian.token, 80) + ": " +
                   (proof == nullptr ? std::string("no proof in the files named")
                                     : "proved " + proof->made.text() + " (" + relative_days(proof->made, now) + ")") +
                   (proof != nullptr && drill.nonce && proof->nonce != *drill.nonce ? ", over another nonce" : "") +
                   "\n";
    json::Object row;
    row.set("keyid", printable(keyid.text(), 128));
    row.set("name", spelled_out(custodian.name, 80));
    row.set("organisation", spelled_out(custodian.organisation, 80));
    if (proof != nullptr) row.set("proved", proof->made.text());
    row.set("overdue", is_overdue);
    rows.emplace_back(std::move(row));
  }
  if (overdue > 0) {
    report.text += std::to_string(overdue) + " to prove their keys: tenon-keyctl key proof --nonce " +
                   (drill.nonce ? drill.nonce->hex() : "NONCE") + "\n";
    report.status = ExitStatus::kNeedsPerson;
  }
  report.data.set("custodians", std::move(rows));
  report.data.set("overdue", overdue);
  if (drill.root) count_roles(drill, *drill.root, now, report);
  return report;
}

}  // namespace tenon::keyctl
