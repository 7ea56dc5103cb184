#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/transfer_file.h>
#include <tenon/keyctl/transfer_text.h>
#include <tenon/metadata/utf8.h>

namespace tenon::keyctl {

Result<Bytes> read_transfer(const std::string& path, std::size_t max_bytes) {
  TENON_TRY(Bytes file, hsm::read_file(path, max_bytes));
  if (!is_transfer_text(file)) return file;
  return from_transfer_text(as_text(file)).with_context(printable(path));
}

Result<policies::SigningRequest> read_request(const std::string& path) {
  TENON_TRY(const Bytes file, read_transfer(path, policies::SigningRequest::kMaxBytes));
  return policies::SigningRequest::parse(file).with_context(printable(path));
}

Result<Report> draw_transfer(const std::string& path, std::size_t max_bytes) {
  TENON_TRY(const Bytes file, read_transfer(path, max_bytes));
  TENON_TRY(const std::vector<std::string> lines, to_transfer_lines(file));
  Report report;
  json::Array codes;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    TENON_TRY(const std::string code, draw_code(lines[i]));
    report.text += "code " + std::to_string(i + 1) + " of " + std::to_string(lines.size()) + "\n" + code;
    codes.emplace_back(lines[i]);
  }
  report.data.set("codes", std::move(codes));
  return report;
}

}  // namespace tenon::keyctl
