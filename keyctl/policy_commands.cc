#include <tenon/hsm/file_io.h>
#include <tenon/hsm/key_file.h>
#include <tenon/keyctl/judgement_text.h>
#include <tenon/keyctl/policy_commands.h>
#include <tenon/keyctl/policy_file.h>
#include <tenon/keyctl/policy_toml.h>
#include <tenon/keyctl/root_file.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/signing_rules.h>

namespace tenon::keyctl {
namespace {

using metadata::UtcTime;
using policies::SigningPolicy;

Result<void> apply(const PolicyBuildOptions& options, SigningPolicy& policy) {
  if (options.repository) {
    Result<policies::Label> label = policies::Label::parse(*options.repository);
    if (!label) return Error{ErrorCode::kUsage, "repository " + label.error().message};
    policy.repository = *std::move(label);
  }
  if (options.version) {
    const Result<metadata::Version> version = metadata::Version::create(*options.version);
    if (!version) return Error{ErrorCode::kUsage, version.error().message};
    policy.version = *version;
  }
  if (options.expires) policy.expires = *options.expires;
  return {};
}

// What nobody could sign under is not built.
Result<void> check_complete(const SigningPolicy& policy, UtcTime now) {
  if (policy.repository == SigningPolicy::standard().repository) {
    return Error{ErrorCode::kUsage, "the policy is for the repository \"unnamed\"",
                 "--repository NAME, or repository = \"NAME\" in the file"};
  }
  if (policy.expires <= now) {
    return Error{ErrorCode::kExpired, "the policy expires " + policy.expires.text() + ", it is " + now.text(),
                 "--expires-in 365d, or expires = in the file"};
  }
  for (const policies::Waiver& waiver : policy.waivers) {
    if (policies::find_signing_rule(waiver.rule) != nullptr) continue;
    return Error{ErrorCode::kPolicy,
                 "a waiver names the rule \"" + printable(waiver.rule, 40) + "\", which is not known",
                 "tenon-keyctl policy explain lists the rules"};
  }
  return {};
}

Result<void> write(const PolicyBuildOptions& options, const PolicyFile& file) {
  const std::string text = file.envelope.to_text();
  if (options.overwrite) return hsm::replace_file(options.output, as_bytes(text), hsm::FileMode::kPublic);
  Result<void> written = hsm::write_new_file(options.output, as_bytes(text), hsm::FileMode::kPublic);
  if (!written && written.error().code == ErrorCode::kPolicy) {
    return std::move(written).error().with_hint("--force to replace it; signatures on it are lost");
  }
  return written;
}

Result<RootFile> read_root(const std::filesystem::path& path) {
  TENON_TRY(const Bytes bytes, hsm::read_file(path, metadata::Limits().root_bytes));
  return RootFile::parse(bytes).with_context(printable(path.native()));
}

json::Value rule_data(const policies::SigningRule& rule) {
  json::Object data;
  data.set("rule", std::string(rule.id));
  data.set("severity", std::string(to_string(rule.severity)));
  data.set("title", std::string(rule.title));
  data.set("why", std::string(rule.explanation));
  data.set("default", std::string(rule.standard));
  data.set("source", std::string(rule.source));
  data.set("what_to_do", std::string(rule.advice));
  return data;
}

}  // namespace

Result<Report> build_policy(const PolicyBuildOptions& options, UtcTime now) {
  TENON_TRY(const Bytes source, hsm::read_file(options.source, SigningPolicy::kMaxBytes));
  TENON_TRY(SigningPolicy policy, parse_policy_toml(as_text(source), printable(options.source.native())));
  TENON_TRY_VOID(apply(options, policy));
  TENON_TRY_VOID(check_complete(policy, now));
  const PolicyFile file = PolicyFile::unsigned_of(std::move(policy));
  // Between an option and its file nothing else looks: what is written must be what will be read.
  TENON_TRY_VOID(PolicyFile::parse(as_bytes(file.envelope.to_text())));
  TENON_TRY_VOID(write(options, file));
  Report report = describe(file, now);
  const std::string output = printable(options.output.native());
  report.text += "written to " + output + ", unsigned; the keys of root sign it\n";
  report.data.set("file", output);
  return report;
}

Result<Report> show_policy(const std::filesystem::path& path, UtcTime now) {
  TENON_TRY(const PolicyFile file, read_policy_file(path));
  return describe(file, now);
}

Result<Report> explain_rules(std::string_view id) {
  Report report;
  json::Array rules;
  for (const policies::SigningRule& rule : policies::signing_rules()) {
    if (!id.empty() && rule.id != id) continue;
    if (!report.text.empty()) report.text += "\n";
    report.text += explain(rule);
    rules.push_back(rule_data(rule));
  }
  if (rules.empty()) {
    return Error{ErrorCode::kUsage, "there is no rule \"" + printable(id, 40) + "\"",
                 "tenon-keyctl policy explain lists them all"};
  }
  report.data.set("rules", std::move(rules));
  return report;
}

Result<Report> check_policy(const PolicyCheckOptions& options, UtcTime now) {
  TENON_TRY(const PolicyFile policy, read_policy_file(options.policy));
  TENON_TRY(const RootFile root, read_root(options.root));
  std::optional<metadata::Root> before;
  if (options.previous) {
    TENON_TRY(RootFile previous, read_root(*options.previous));
    before = std::move(previous.root);
  }
  policies::SigningFacts facts{.occasion = policies::Occasion::kDraft,
                               .now = now,
                               .root = before,
                               .policy = policy.policy,
                               .policy_sha256 = policy.policy.digest(),
                               .document = policies::RootDocument{before, root.root}};
  facts.signatures = root.envelope.signatures();
  KeyNames names;
  for (const std::filesystem::path& path : options.key_files) {
    TENON_TRY(const hsm::KeyFile file, hsm::read_key_file(path));
    facts.keys.emplace(file.keyid, policies::KeyFacts{});
    names.add(file);
  }
  const policies::Judgement judgement = judge(facts);
  Report report{describe(judgement), *judgement.to_json().object()};
  const SignatureCount count = count_signatures(policy.envelope, before ? *before : root.root, names);
  if (!count.met()) report.warnings.push_back("nobody has to follow this policy yet: " + count.text());
  if (judgement.refused()) report.status = ExitStatus::kRefused;
  return report;
}

}  // namespace tenon::keyctl
