// tenon-keyctl request ...
#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/dialog.h>
#include <tenon/keyctl/request_create.h>
#include <tenon/keyctl/request_sign.h>
#include <tenon/keyctl/signing_keys.h>
#include <tenon/keyctl/transfer_file.h>
#include <tenon/metadata/utf8.h>

#include <optional>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

namespace fs = std::filesystem;

using policies::SigningRequest;
using policies::SigningResponse;

struct CreateWords {
  std::string repository;
  std::string output;
  std::vector<std::string> drafts;
  std::vector<std::string> previous;
  std::vector<std::string> children;
  std::vector<std::string> delegators;
  std::vector<std::string> roots;
  std::vector<std::string> key_files;
  std::vector<std::string> target_folders;
  std::vector<std::string> reasons;
  std::string policy;
  std::string nonce;
  std::int64_t valid_days = 14;
  bool rehearsal = false;
  bool dry_run = false;
};

struct RequestWords {
  std::string file;
  std::string output;
  std::vector<std::string> names;
  std::vector<std::string> keys;
  std::vector<std::string> passphrase_sources;
  std::vector<std::string> acknowledged;
  std::vector<std::string> expected_payloads;
  TokenWords token = {};
  bool qr = false;
};

struct ForgetWords {
  std::string repository;
  std::string role;
  std::string reason;
};

struct Pair {
  std::string name;
  std::string value;
};

// NAME=VALUE, split at the first "=".
Result<Pair> parse_pair(const std::string& text, std::string_view form) {
  const std::size_t at = text.find('=');
  if (at != std::string::npos && at != 0 && at + 1 != text.size()) return Pair{text.substr(0, at), text.substr(at + 1)};
  return Error{ErrorCode::kUsage, "\"" + printable(text) + "\" is not " + std::string(form)};
}

Result<std::map<std::string, fs::path>> parse_paths(const std::vector<std::string>& texts) {
  std::map<std::string, fs::path> paths;
  for (const std::string& text : texts) {
    TENON_TRY(const Pair pair, parse_pair(text, "ROLE=FILE"));
    paths[pair.name] = pair.value;
  }
  return paths;
}

// "FILE" or "ROLE=FILE": a file that is there is a file, whatever its name holds.
DraftFile parse_draft(const std::string& text) {
  std::error_code ignored;
  const std::size_t at = text.find('=');
  if (at == std::string::npos || fs::exists(text, ignored)) return {std::nullopt, text};
  return {text.substr(0, at), text.substr(at + 1)};
}

// "PLACE=TEXT" for one change, "TEXT" for all others. Places hold a "/" or are a word of the list of changes.
void parse_reason(const std::string& text, CreateOptions& options) {
  const std::size_t at = text.find('=');
  const bool is_place = at != std::string::npos && text.substr(0, at).find(' ') == std::string::npos;
  if (is_place) {
    options.reasons[text.substr(0, at)] = text.substr(at + 1);
  } else {
    options.reason = text;
  }
}

Result<CreateOptions> create_options(const CreateWords& words) {
  TENON_TRY(policies::Label repository, from_command_line(policies::Label::parse(words.repository)));
  CreateOptions options{std::move(repository), {}};
  for (const std::string& text : words.drafts) options.drafts.push_back(parse_draft(text));
  TENON_TRY(options.previous, parse_paths(words.previous));
  TENON_TRY(options.children, parse_paths(words.children));
  options.delegators = {words.delegators.begin(), words.delegators.end()};
  options.roots = {words.roots.begin(), words.roots.end()};
  options.key_files = {words.key_files.begin(), words.key_files.end()};
  options.target_folders = {words.target_folders.begin(), words.target_folders.end()};
  for (const std::string& text : words.reasons) parse_reason(text, options);
  if (!words.policy.empty()) options.policy = words.policy;
  if (!words.nonce.empty()) {
    TENON_TRY(const hsm::Nonce nonce, from_command_line(hsm::Nonce::parse(words.nonce)));
    options.nonce = nonce.hex();
  }
  if (words.valid_days < 1) return Error{ErrorCode::kUsage, "--valid-days is below 1"};
  options.valid_days = words.valid_days;
  options.rehearsal = words.rehearsal;
  return options;
}

Result<Report> create(const CreateWords& words, const Shell& shell) {
  TENON_TRY(const CreateOptions options, create_options(words));
  TENON_TRY(Home home, Home::open(shell.home));
  TENON_TRY(CreatedRequest created, create_request(home, options, shell.now));
  if (words.dry_run) {
    created.report.text += "nothing was written\n";
    return created.report;
  }
  TENON_TRY_VOID(hsm::write_new_file(words.output, as_bytes(created.request.to_text()), hsm::FileMode::kPublic));
  const std::string output = printable(words.output);
  created.report.text += "written to " + output + "; next, each signer: tenon-keyctl request show " + output + "\n";
  created.report.data.set("file", output);
  return created.report;
}

Result<Report> show(const RequestWords& words, const Shell& shell) {
  if (words.qr) return draw_transfer(words.file, SigningRequest::kMaxBytes);
  TENON_TRY(SigningRequest request, read_request(words.file));
  ReviewContext context{{}, shell.now};
  TENON_TRY(context.names, read_names(words.names));
  TENON_TRY(Home home, Home::open(shell.home));
  return show_request(home, std::move(request), std::move(context));
}

// Without a terminal the person has looked before: every payload is named by its digest.
Result<void> require_expected(const SigningRequest& request, const std::vector<std::string>& expected) {
  std::vector<std::string> wanted;
  for (const policies::RequestedDocument& document : request.documents)
    wanted.push_back(document.payload_sha256().hex());
  std::vector<std::string> given = expected;
  std::ranges::sort(wanted);
  std::ranges::sort(given);
  if (wanted == given) return {};
  return Error{ErrorCode::kMismatch, "--expect-payload-sha256 does not name exactly what this request asks to sign",
               "look at the request again; sign only what you looked at"};
}

// The response lies beside the request, named after the first key that signs.
fs::path default_output(const RequestWords& words) {
  if (!words.output.empty()) return words.output;
  const fs::path request(words.file);
  const std::string signer = fs::path(words.keys.front()).stem().native();
  return request.parent_path() / (request.stem().native() + "." + signer + ".tenon-signature");
}

// A response may be made again over an older one; nothing else is overwritten.
Result<void> check_output(const fs::path& path) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return {};
  const Result<Bytes> there = hsm::read_file(path, SigningResponse::kMaxBytes);
  if (there && SigningResponse::parse(*there)) return {};
  return Error{ErrorCode::kPolicy, printable(path.native()) + ": is there already, and is no response",
               "choose another name with -o"};
}

Result<Report> sign(const RequestWords& words, const Shell& shell) {
  const fs::path output = default_output(words);
  TENON_TRY_VOID(check_output(output));
  TENON_TRY(SigningRequest request, read_request(words.file));
  ReviewContext context{{}, shell.now};
  TENON_TRY(context.names, read_names(words.names));
  TENON_TRY(std::vector<hsm::SecretSource> sources, parse_sources(words.passphrase_sources));
  if (sources.empty()) sources.push_back(hsm::SecretSource::prompt());
  SigningOrder order{{}, words.acknowledged, shell.tool};
  TENON_TRY(const hsm::TokenOptions token, token_options(words.token));
  TENON_TRY(order.keys, find_signing_keys(words.keys, sources, token, context.names));
  const bool unattended = !words.expected_payloads.empty();
  context.unattended = unattended;
  if (unattended) TENON_TRY_VOID(require_expected(request, words.expected_payloads));
  const auto looked_before = [](const Question&) { return Result<void>(); };
  const Confirm confirm = unattended ? Confirm(looked_before) : Confirm(confirm_on_terminal);
  TENON_TRY(Home home, Home::open(shell.home));
  TENON_TRY(Signed made, sign_request(home, std::move(request), std::move(context), order, confirm));
  TENON_TRY_VOID(hsm::replace_file(output, as_bytes(made.response.to_text()), hsm::FileMode::kPublic));
  if (!unattended) made.report.text.clear();  // the person has just read it
  made.report.text += "signed " + made.words + ": the response is " + printable(output.native()) + ", send it back\n";
  made.report.data.set("file", printable(output.native()));
  return made.report;
}

Result<Report> forget(const ForgetWords& words, const Shell& shell) {
  TENON_TRY(policies::Label repository, from_command_line(policies::Label::parse(words.repository)));
  TENON_TRY(Home home, Home::open(shell.home));
  return forget_mark(home, {std::move(repository), words.role, words.reason}, shell.now);
}

void add_create(CLI::App& request, Shell& shell) {
  CreateWords& words = shell.keep<CreateWords>();
  CLI::App& command = *request.add_subcommand("create", "Put drafts, and what came before them, into one file to sign");
  command.add_option("--repository", words.repository, "Name of the repository, as its policy has it")->required();
  command.add_option("-o,--output", words.output, "NAME.tenon-request to write")->required();
  add_repeated(command, "--draft", words.drafts,
               "Unsigned metadata: 2.root.json, a policy, targets.json; ROLE=FILE for a delegated role")
      ->required();
  add_repeated(command, "--previous", words.previous, "ROLE=FILE: the version before, of a targets role");
  add_repeated(command, "--delegator", words.delegators, "Signed files that lead to a delegated role, targets first");
  add_repeated(command, "--child", words.children, "ROLE=FILE: a delegated role whose keys this changes");
  add_repeated(command, "--root", words.roots, "Signed roots since the one that any signer's machine remembers");
  add_repeated(command, "--key-file", words.key_files, "NAME.tenon-key of somebody new, with the proof in it");
  add_repeated(command, "--targets", words.target_folders, "Folder with the files that a targets role lists");
  add_repeated(command, "--reason", words.reasons, "Why: TEXT for all changes, PLACE=TEXT for one");
  command.add_option("--policy", words.policy, "Signed policy; else the one that is remembered");
  command.add_option("--nonce", words.nonce, "Of this ceremony, which proofs of possession were made over");
  command.add_option("--valid-days", words.valid_days, "How long it may be signed")->capture_default_str();
  command.add_flag("--rehearsal", words.rehearsal, "Nothing of it is for devices");
  command.add_flag("--dry-run", words.dry_run, "Show the review and write nothing");
  command.callback([&] { shell.chosen = [&] { return create(words, shell); }; });
}

void add_show(CLI::App& request, Shell& shell) {
  RequestWords& words = shell.keep<RequestWords>();
  CLI::App& command = *request.add_subcommand("show", "Say in plain words what a request asks to sign, and may it be");
  command.add_option("file", words.file, "NAME.tenon-request")->required();
  add_repeated(command, "--names", words.names, "Key files (NAME.tenon-key) whose names to show");
  command.add_flag("--qr", words.qr, "Draw it as QR codes, for a machine that has a camera and no other way in");
  command.callback([&] { shell.chosen = [&] { return show(words, shell); }; });
}

void add_sign(CLI::App& request, Shell& shell) {
  RequestWords& words = shell.keep<RequestWords>();
  CLI::App& command = *request.add_subcommand("sign", "Show a request, ask, sign, and write the response");
  command.add_option("file", words.file, "NAME.tenon-request")->required();
  add_repeated(command, "--key", words.keys, "NAME.pem, or NAME.tenon-key of a key in a token; can be repeated")
      ->required();
  add_repeated(command, "--passphrase-from", words.passphrase_sources,
               std::string(kPassphraseHelp) + "; once for all keys, or once for each");
  add_repeated(command, "--names", words.names, "Key files (NAME.tenon-key) whose names to show");
  add_token_options(command, words.token);
  add_repeated(command, "--ack", words.acknowledged, "A rule whose warning is meant, as P06");
  add_repeated(command, "--expect-payload-sha256", words.expected_payloads,
               "Do not ask: sign exactly this, once for each document, if the policy allows that");
  command.add_option("-o,--output", words.output, "Response to write; else beside the request");
  command.callback([&] { shell.chosen = [&] { return sign(words, shell); }; });
}

void add_forget(CLI::App& request, Shell& shell) {
  ForgetWords& words = shell.keep<ForgetWords>();
  CLI::App& command = *request.add_subcommand(
      "forget", "Let another draft of a version be signed, when all signers have given up the one signed here");
  command.add_option("--repository", words.repository, "Name of the repository")->required();
  command.add_option("--role", words.role, "root, policy, targets or a delegated role")->required();
  command.add_option("--reason", words.reason, "Why; it is recorded")->required();
  command.callback([&] { shell.chosen = [&] { return forget(words, shell); }; });
}

}  // namespace

void add_request_commands(CLI::App& app, Shell& shell) {
  CLI::App& request = *app.add_subcommand("request", "What others are asked to sign: make, look at, sign");
  request.require_subcommand(1);
  add_create(request, shell);
  add_show(request, shell);
  add_sign(request, shell);
  add_forget(request, shell);
}

}  // namespace tenon::keyctl
