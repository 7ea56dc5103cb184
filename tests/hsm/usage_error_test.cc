#include <tenon/hsm/usage_error.h>

#include <vector>

#include <gtest/gtest.h>

namespace tenon::hsm {
namespace {

// Book: KEYT-16
TEST(UsageError, NamesOptionsAndRepeatsNothingElse) {
  const std::vector<std::string> typed = {"--passphrase", "hunter2", "--pass=hunter2", "-p", "hunter2"};
  const Error several = usage_error({"demo", "hunter2", typed});
  EXPECT_EQ(several.code, ErrorCode::kUsage);
  EXPECT_EQ(several.message, "unknown option --passphrase, --pass, and 3 arguments more than it takes");
  EXPECT_EQ(usage_error({"demo", "hunter2", std::span(typed).subspan(1, 1)}).message, "1 argument more than it takes");
  EXPECT_EQ(usage_error({"ConversionError", "Could not convert: --threshold = hunter2", {}}).message,
            "--threshold does not take this value");
  EXPECT_EQ(usage_error({"ValidationError", "hunter2 not in {a,b}", {}}).message, "an option does not take this value");
}

TEST(UsageError, SaysWhatIsMissing) {
  EXPECT_EQ(usage_error({"RequiredError", "--name is required", {}}).message, "--name is required");
}

}  // namespace
}  // namespace tenon::hsm
