// The proof of a bundle, before it takes its name.
#pragma once

#include <tenon/repo_tools/bundle_plan.h>
#include <tenon/repo_tools/progress.h>

#include <filesystem>

namespace tenon::repo_tools {

// prove_bundle is a new device over the finished file, which reads it as a device does: it finds all that the plan is
// for, and every byte of it has the digest that is signed. Errors: those of the device; E_MISMATCH.
Result<void> prove_bundle(const std::filesystem::path& file, ByteView embedded_root, const BundlePlan& plan,
                          metadata::UtcTime now, Progress& progress);

}  // namespace tenon::repo_tools
