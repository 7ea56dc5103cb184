#include <tenon/hsm/file_io.h>
#include <tenon/keyctl/root_draft.h>
#include <tenon/keyctl/root_init.h>
#include <tenon/metadata/utf8.h>

namespace tenon::keyctl {
namespace {

Result<RoleRequest> read_role(metadata::TopRole name, const InitRole& role, KeyNames& names) {
  const Result<metadata::Threshold> threshold = metadata::Threshold::create(role.threshold);
  if (!threshold) {
    return Error{ErrorCode::kUsage,
                 std::string(to_string(name)) + ": threshold " + std::to_string(role.threshold) + " < 1"};
  }
  RoleRequest request{{}, *threshold};
  for (const std::filesystem::path& path : role.key_files) {
    TENON_TRY(hsm::KeyFile file, hsm::read_key_file(path));
    names.add(file);
    request.keys.push_back(std::move(file));
  }
  return request;
}

Result<void> write_draft(const InitOptions& options, const RootFile& file) {
  const std::string text = file.envelope.to_text();
  if (options.overwrite) return hsm::replace_file(options.output, as_bytes(text), hsm::FileMode::kPublic);
  Result<void> written = hsm::write_new_file(options.output, as_bytes(text), hsm::FileMode::kPublic);
  if (!written && written.error().code == ErrorCode::kPolicy) {
    return std::move(written).error().with_hint("--force to replace it; signatures on it are lost");
  }
  return written;
}

}  // namespace

Result<Report> init_root(const InitOptions& options, metadata::UtcTime now) {
  RootRequest request{{}, options.expires, options.lab, options.rehearsal};
  KeyNames names;
  for (const auto& [name, role] : options.roles) {
    TENON_TRY(RoleRequest role_request, read_role(name, role, names));
    request.roles.emplace(name, std::move(role_request));
  }
  TENON_TRY(RootDraft draft, draft_root(request, now));
  Report report = describe(draft.file, names, now);
  report.warnings = std::move(draft.warnings);
  const std::string output = printable(options.output.native());
  if (options.dry_run) {
    report.text += "nothing was written\n";
    return report;
  }
  TENON_TRY_VOID(write_draft(options, draft.file));
  report.text += "written to " + output + "; next: tenon-keyctl request create, with this draft and a policy's\n";
  report.data.set("file", output);
  return report;
}

}  // namespace tenon::keyctl
