#include <tenon/keyctl/ceremony.h>
#include <tenon/keyctl/root_file.h>
#include <tenon/metadata/utf8.h>

#include <span>

namespace tenon::keyctl {
namespace {

struct Kind {
  CeremonyKind kind;
  std::string_view name;
  std::string_view title;
  std::span<const std::string_view> steps;
};

constexpr std::string_view kFirstRootSteps[] = {
    "Coordinator: write policy.toml with all people in it; `tenon-keyctl policy build`. Make a nonce: `openssl rand "
    "-hex 16`, and send it to everybody.",
    "Rehearse all that follows with `--rehearsal` first, on the same machines.",
    "Each person, alone, on a machine without a network: `tenon-keyctl key generate` (with --token for a token), then "
    "`tenon-keyctl key proof --nonce NONCE`. Send NAME.tenon-key to the coordinator; nothing else leaves the machine.",
    "Each person reads the first 16 digits of the keyid aloud; the coordinator compares with the file. Serial number "
    "of the token: ____________________",
    "Coordinator: `tenon-keyctl root init`, then `tenon-keyctl request create` with the draft, the policy, all "
    "NAME.tenon-key and the nonce.",
    "Each person: `tenon-keyctl request show`. Read all of it. The twelve words are read aloud by one and compared by "
    "all.",
    "ALL people sign the first root, although fewer suffice: it proves that every key works. `tenon-keyctl request "
    "sign`.",
    "Coordinator: `tenon-keyctl response merge`; `tenon-keyctl root verify 1.root.json`.",
    "Back up: each person has a spare token with a key of its own, or a sealed copy of the passphrase. Where: "
    "____________________",
    "Minutes: `tenon-keyctl ceremony minutes`; print, sign, keep.",
};
constexpr std::string_view kRotateSteps[] = {
    "The new person: `tenon-keyctl key generate`, `tenon-keyctl key proof --nonce NONCE`; send NAME.tenon-key.",
    "Coordinator: `tenon-keyctl root next`, then `tenon-keyctl root rotate --remove OLD --add NEW.tenon-key`.",
    "Coordinator: the policy names the new person: policy.toml with a higher version, `tenon-keyctl policy build`.",
    "Coordinator: `tenon-keyctl request create` with both drafts, NEW.tenon-key, the nonce and a reason.",
    "Signers: at least the old threshold of the OLD root's keys and the new threshold of the NEW root's keys. The new "
    "key signs too. `tenon-keyctl request show`, compare the words, `tenon-keyctl request sign`.",
    "Coordinator: `tenon-keyctl response merge`, `tenon-keyctl root verify 2.root.json --previous 1.root.json`, "
    "`tenon-repo root add`, publish. Old roots stay published for ever.",
    "Destroy the old key only after a device has followed the new root. Done by: ____________________",
    "Minutes.",
};
constexpr std::string_view kLostKeySteps[] = {
    "Count the keys that can still sign: every person proves it now, `tenon-keyctl key proof --nonce NONCE`. Usable: "
    "____",
    "More than the threshold: rotate the lost key within 30 days, as for a rotation.",
    "Exactly the threshold: rotate today; nobody travels until it is done; no other change to root.",
    "Fewer than the threshold: root can never change again. Devices need a new root by other means; see "
    "docs/key-compromise.md.",
    "Was it lost, or could somebody have found it? If in doubt, treat it as stolen: `tenon-keyctl root revoke`.",
    "Minutes.",
};
constexpr std::string_view kOnlineKeySteps[] = {
    "Stop whatever signs with the key. Keep its machine as it is.",
    "Make a new key on another machine: `tenon-keyctl key generate`.",
    "Coordinator: `tenon-keyctl root next`, then `tenon-keyctl root rotate --role timestamp` and `--role snapshot`. "
    "Both: devices forget what the thief has signed only when the keys of these roles change.",
    "`tenon-keyctl request create --reason`, sign, merge, as for a rotation.",
    "`tenon-repo root add`, `tenon-repo sign`, `tenon-repo publish`: go on from the last honest versions.",
    "Compare every target with the last copy that is known to be good. Compared by: ____________________",
    "Two devices of the fleet were seen to follow the new root. Which: ____________________",
    "Minutes.",
};
constexpr std::string_view kDelegationSteps[] = {
    "The people of the new role: `tenon-keyctl key generate`, `tenon-keyctl key proof --nonce NONCE`.",
    "Coordinator: `tenon-keyctl targets next`, then `tenon-keyctl delegation add`. Which targets do the paths match "
    "today? request show says it.",
    "Coordinator: the first metadata of the new role is a draft in the same request.",
    "Signers of targets and signers of the new role each: `tenon-keyctl request show`, words, `tenon-keyctl request "
    "sign`.",
    "Coordinator: `tenon-keyctl response merge`, publish both files together.",
    "Minutes.",
};
constexpr std::string_view kResignSteps[] = {
    "`tenon-keyctl status --due 60d` says what is due.",
    "Coordinator: `tenon-keyctl root next --expires-in 365d`; nothing else changes.",
    "Everybody proves their key once more, `tenon-keyctl key proof`: this is the yearly drill.",
    "`tenon-keyctl request create`, show, sign, merge. The review must list two changes and no others: version and "
    "expiry.",
    "Publish while devices in the field still trust the old one.",
    "Minutes.",
};

constexpr Kind kKinds[] = {
    {CeremonyKind::kFirstRoot, "first-root", "The first root", kFirstRootSteps},
    {CeremonyKind::kRotate, "rotate", "One key is replaced", kRotateSteps},
    {CeremonyKind::kLostKey, "lost-key", "A key is lost", kLostKeySteps},
    {CeremonyKind::kCompromisedOnlineKey, "compromised-online-key", "An online key is stolen", kOnlineKeySteps},
    {CeremonyKind::kDelegation, "delegation", "A role is delegated", kDelegationSteps},
    {CeremonyKind::kResign, "resign", "The yearly signature", kResignSteps},
};

const Kind& find(CeremonyKind kind) {
  for (const Kind& one : kKinds) {
    if (one.kind == kind) return one;
  }
  TENON_CHECK(false);
  return kKinds[0];
}

std::string people(const policies::SigningPolicy& policy) {
  std::string text = "\n| person | organisation | keyid | token | present | signature |\n|---|---|---|---|---|---|\n";
  for (const auto& [keyid, custodian] : policy.custodians) {
    text += "| " + spelled_out(custodian.name, 80) + " | " + spelled_out(custodian.organisation, 80) + " | " +
            printable(keyid.brief()) + " | " + printable(custodian.token, 80) + " | [ ] | |\n";
  }
  return text;
}

bool concerns(const AuditEntry& entry, const MinutesOptions& options) {
  const json::Value* repository = entry.data.find("repository");
  return entry.at >= options.since && repository != nullptr && repository->string() != nullptr &&
         *repository->string() == options.repository.text();
}

}  // namespace

Result<CeremonyKind> parse_ceremony_kind(std::string_view text) {
  std::string names;
  for (const Kind& one : kKinds) {
    if (text == one.name) return one.kind;
    names += (names.empty() ? "" : ", ") + std::string(one.name);
  }
  return Error{ErrorCode::kUsage, "\"" + printable(text, 80) + "\" is no kind of ceremony", "one of " + names};
}

std::vector<std::string> ceremony_kinds() {
  std::vector<std::string> names;
  for (const Kind& one : kKinds) names.emplace_back(one.name);
  return names;
}

std::string ceremony_plan(CeremonyKind kind, const std::string& repository,
                          const std::optional<policies::SigningPolicy>& policy) {
  const Kind& plan = find(kind);
  std::string text = "# " + std::string(plan.title) + ": " + repository +
                     "\n\nDate: ____________  Place: ____________  Coordinator (holds no key): ____________________\n";
  if (policy) text += people(*policy);
  text += "\n";
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    text += std::to_string(i + 1) + ". [ ] " + std::string(plan.steps[i]) + "\n\n   done at ______ by ____________\n\n";
  }
  return text + "Stop when anything differs from this page: nothing is lost by stopping before the last signature.\n";
}

Result<Report> ceremony_minutes(const AuditState& log, const Memory& memory, const MinutesOptions& options,
                                metadata::UtcTime now) {
  Report report;
  report.text = "# Minutes: " + options.repository.text() + "\n\nWritten " + now.text() + ", for what was done since " +
                options.since.text() + " on this machine.\n\n";
  report.data.set("repository", options.repository.text());
  if (memory.root) {
    TENON_TRY(const RootFile root, RootFile::parse(*memory.root));
    const std::string digest = Sha256::of(*memory.root).hex();
    report.text += "Trusted root: version " + std::to_string(root.root.header.version.value()) + ", expires " +
                   root.root.header.expires.text() + "\nsha256 of the file: " + digest + "\n\n";
    report.data.set("root_version", root.root.header.version.value());
    report.data.set("root_sha256", digest);
  }
  json::Array entries;
  report.text += "| time | what | details |\n|---|---|---|\n";
  for (const AuditEntry& entry : log.entries) {
    if (!concerns(entry, options)) continue;
    report.text += "| " + entry.at.text() + " | " + printable(entry.event, 40) + " | " +
                   printable(json::to_text(entry.data), 2048) + " |\n";
    json::Object row;
    row.set("at", entry.at.text());
    row.set("event", entry.event);
    row.set("data", entry.data);
    entries.emplace_back(std::move(row));
  }
  report.text += "\nHead of the audit log, " + std::to_string(log.lines) + " lines:\n" + log.head.hex() +
                 "\n\nSigned: ____________________    ____________________    ____________________\n";
  report.data.set("entries", std::move(entries));
  report.data.set("audit_head", log.head.hex());
  return report;
}

}  // namespace tenon::keyctl
