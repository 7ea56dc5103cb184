// tenon-keyctl response ...
#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/command_line.h>
#include <tenon/keyctl/response_merge.h>
#include <tenon/keyctl/transfer_file.h>
#include <tenon/metadata/utf8.h>

#include <map>

#include <CLI/CLI.hpp>

namespace tenon::keyctl {
namespace {

namespace fs = std::filesystem;

using policies::SigningRequest;
using policies::SigningResponse;

struct ResponseWords {
  std::string file;
  bool qr = false;
};

struct MergeWords {
  std::string request;
  std::vector<std::string> responses;
  std::string folder = ".";
};

Result<Report> show(const ResponseWords& words) {
  if (words.qr) return draw_transfer(words.file, SigningResponse::kMaxBytes);
  TENON_TRY(const Bytes file, read_transfer(words.file, SigningResponse::kMaxBytes));
  TENON_TRY(const SigningResponse response, SigningResponse::parse(file).with_context(printable(words.file)));
  Report report;
  report.text = "for request " + response.request.hex().substr(0, 16) + ", made " + response.signed_at.text() + " by " +
                printable(response.tool, 80) + "\n";
  json::Array signatures;
  for (const policies::MadeSignature& made : response.signatures) {
    report.text += "  " + printable(made.role, 255) + ", by key " + printable(made.signature.keyid.brief()) +
                   ", of sha256 " + made.payload_sha256.hex() + "\n";
    json::Object data;
    data.set("role", printable(made.role, 255));
    data.set("keyid", printable(made.signature.keyid.text(), 128));
    data.set("payload_sha256", made.payload_sha256.hex());
    signatures.emplace_back(std::move(data));
  }
  report.text += "whether they verify is seen when they are merged\n";
  report.data.set("request", response.request.hex());
  report.data.set("signed_at", response.signed_at.text());
  report.data.set("signatures", std::move(signatures));
  return report;
}

Result<std::string> content_at(const fs::path& path, const MergedFile& file) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return file.content;
  TENON_TRY(const Bytes there, hsm::read_file(path, SigningRequest::kMaxBytes));
  return joined_with(file, there);
}

Result<Report> merge(const MergeWords& words, const Shell& shell) {
  TENON_TRY(SigningRequest request, read_request(words.request));
  std::vector<NamedResponse> responses;
  for (const std::string& path : words.responses) {
    TENON_TRY(const Bytes file, read_transfer(path, SigningResponse::kMaxBytes));
    TENON_TRY(SigningResponse response, SigningResponse::parse(file).with_context(printable(path)));
    responses.push_back({path, std::move(response)});
  }
  TENON_TRY(Home home, Home::open(shell.home));
  std::vector<std::string> written;
  const auto write = [&](const std::vector<MergedFile>& files) -> Result<void> {
    std::map<fs::path, std::string> contents;  // all are known to be right before the first is written
    for (const MergedFile& file : files) {
      const fs::path path = fs::path(words.folder) / file.name;
      TENON_TRY(contents[path], content_at(path, file).with_context(printable(path.native())));
    }
    for (const auto& [path, content] : contents) {
      TENON_TRY_VOID(hsm::replace_file(path, as_bytes(content), hsm::FileMode::kPublic));
      written.push_back(printable(path.native()));
    }
    return {};
  };
  TENON_TRY(Report report, merge_responses(home, std::move(request), responses, write, shell.now));
  for (const std::string& path : written) report.text += "written to " + path + "\n";
  report.data.set("files", json::Array(written.begin(), written.end()));
  return report;
}

void add_merge(CLI::App& response, Shell& shell) {
  MergeWords& words = shell.keep<MergeWords>();
  CLI::App& command = *response.add_subcommand("merge", "Join responses to signed metadata, or say who is missing");
  command.add_option("request", words.request, "NAME.tenon-request")->required();
  command.add_option("responses", words.responses, "NAME.tenon-signature of each signer")->required();
  command.add_option("--out", words.folder, "Folder to write to")->capture_default_str();
  command.callback([&] { shell.chosen = [&] { return merge(words, shell); }; });
}

void add_show(CLI::App& response, Shell& shell) {
  ResponseWords& words = shell.keep<ResponseWords>();
  CLI::App& command = *response.add_subcommand("show", "Say what a response holds");
  command.add_option("file", words.file, "NAME.tenon-signature")->required();
  command.add_flag("--qr", words.qr, "Draw it as a QR code");
  command.callback([&] { shell.chosen = [&] { return show(words); }; });
}

}  // namespace

void add_response_commands(CLI::App& app, Shell& shell) {
  CLI::App& response = *app.add_subcommand("response", "What others have signed: look at, join");
  response.require_subcommand(1);
  add_merge(response, shell);
  add_show(response, shell);
}

}  // namespace tenon::keyctl
