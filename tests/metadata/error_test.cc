#include <tenon/metadata/error.h>

#include <gtest/gtest.h>

namespace tenon::tests {
namespace {

// Scripts branch on both: neither may change.
TEST(ErrorCode, HasAStableNameAndExitStatus) {
  struct Row {
    ErrorCode code;
    const char* name;
    int status;
  };
  const Row rows[] = {{ErrorCode::kParse, "E_PARSE", 5},
                      {ErrorCode::kSig, "E_SIG", 5},
                      {ErrorCode::kRollback, "E_ROLLBACK", 5},
                      {ErrorCode::kExpired, "E_EXPIRED", 5},
                      {ErrorCode::kMismatch, "E_MISMATCH", 5},
                      {ErrorCode::kLimit, "E_LIMIT", 5},
                      {ErrorCode::kPolicy, "E_POLICY", 4},
                      {ErrorCode::kNet, "E_NET", 6},
                      {ErrorCode::kStorage, "E_STORAGE", 8},
                      {ErrorCode::kBusy, "E_BUSY", 75},
                      {ErrorCode::kHw, "E_HW", 8},
                      {ErrorCode::kAuth, "E_AUTH", 7},
                      {ErrorCode::kUsage, "E_USAGE", 2}};
  for (const Row& row : rows) {
    EXPECT_EQ(to_string(row.code), row.name);
    EXPECT_EQ(static_cast<int>(exit_status(Error{row.code, ""})), row.status) << row.name;
  }
}

TEST(Error, PutsThePlaceInFrontAndKeepsTheHint) {
  const Error error = Error{ErrorCode::kSig, "signed by nobody"}.with_hint("sign it").context("2.root.json");
  EXPECT_EQ(error.message, "2.root.json: signed by nobody");
  EXPECT_EQ(error.hint, "sign it");
}

}  // namespace
}  // namespace tenon::tests
