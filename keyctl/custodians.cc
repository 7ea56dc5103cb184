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

const hsm::KeyFile* find(const std::vector<hsm::KeyFile>& files, const metadata::KeyId& keyid) {
  const auto found = std::ranges::find(files, keyid, &hsm::KeyFile::keyid);
  return found == files.end() ? nullptr : &*found;
}

}  // namespace

Result<std::string> custodian_lines(const hsm::KeyFile& file, const CustodianRequest& request, metadata::UtcTime now) {
  TENON_TRY(const std::string organisation, toml_string(request.organisation));
  TENON_TRY(const std::string contact, toml_string(request.contact));
  TENON_TRY(const std::string token, toml_string(token_text(file)));
  return "\n[custodians.\"" + file.keyid.text() + "\"]\nname = \"" + file.name.text() + "\"\norg = " + organisation +
         "\ncontact = " + contact + "\nsince = \"" + now.text().substr(0, kDateBytes) + "\"\ntoken = " + token + "\n";
}

Report list_custodians(const policies::SigningPolicy& policy, const std::vector<hsm::KeyFile>& files,
                       metadata::UtcTime now) {
  constexpr std::int64_t kSecondsPerDay = 86'400;
  const std::int64_t max_age = policy.keys.pop_max_age_days * kSecondsPerDay;
  Report report;
  json::Array rows;
  std::int64_t overdue = 0;
  for (const auto& [keyid, custodian] : policy.custodians) {
    const hsm::KeyFile* file = find(files, keyid);
    const bool proved = file != nullptr && file->proof;
    const bool is_old = max_age > 0 && (!proved || file->proof->made.plus_seconds(max_age) < now);
    overdue += is_old ? 1 : 0;
    report.text += std::string(is_old ? "OVERDUE  " : "ok       ") + spelled_out(custodian.name, 80) + " of " +
                   spelled_out(custodian.organisation, 80) + ", key " + printable(keyid.brief()) + ", " +
                   printable(custodian.token, 80) + ": " +
                   (proved ? "proved " + file->proof->made.text() + " (" + relative_days(file->proof->made, now) + ")"
                           : "no proof in the files named") +
                   "\n";
    json::Object row;
    row.set("keyid", printable(keyid.text(), 128));
    row.set("name", spelled_out(custodian.name, 80));
    row.set("organisation", spelled_out(custodian.organisation, 80));
    if (proved) row.set("proved", file->proof->made.text());
    row.set("overdue", is_old);
    rows.emplace_back(std::move(row));
  }
  if (overdue > 0) {
    report.text += std::to_string(overdue) + " to prove their keys: tenon-keyctl key proof --nonce NONCE\n";
    report.status = ExitStatus::kNeedsPerson;
  }
  report.data.set("custodians", std::move(rows));
  report.data.set("overdue", overdue);
  return report;
}

}  // namespace tenon::keyctl
