// What of a file is not signed: its spaces. A changed byte is refused or changes nothing that counts.
#include <tenon/metadata/authentic.h>
#include <tenon/metadata/hex.h>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::Envelope;

// A timestamp signed by one key, and how changed copies of it fare.
class ChangedTimestamp {
 public:
  explicit ChangedTimestamp(std::size_t indent) {
    const RepositorySimulator repository;
    const metadata::Root& root = repository.root;
    keys_ = root.keys;
    role_ = root.role(metadata::TopRole::kTimestamp);
    const Bytes file = repository.signed_file("timestamp");
    text_ = json::to_text(*json::parse(file), indent);
    original_ = signed_bytes_of(text_);
  }

  const std::string& text() const { return text_; }
  std::size_t accepted() const { return accepted_; }

  // Takes a changed copy, and expects it to be refused or to say the same, signed by the same.
  void take(const std::string& changed) {
    const Result<Envelope> envelope = Envelope::parse(as_bytes(changed), 1u << 20);
    if (!envelope) return;
    if (as_text(envelope->signed_bytes()) != original_) {
      // Ed25519 would find this out each time; that is verified for a part of them, since it is slow.
      if (++different_ % 64 == 0) {
        EXPECT_FALSE(tally(*envelope, keys_, role_).met(role_.threshold)) << changed;
      }
      return;
    }
    if (tally(*envelope, keys_, role_).met(role_.threshold)) ++accepted_;
  }

 private:
  static std::string signed_bytes_of(const std::string& text) {
    return std::string(as_text(Envelope::parse(as_bytes(text), 1u << 20)->signed_bytes()));
  }

  metadata::KeyMap keys_;
  metadata::RoleKeys role_{{}, *metadata::Threshold::create(1)};
  std::string text_;
  std::string original_;
  std::size_t different_ = 0;
  std::size_t accepted_ = 0;
};

std::size_t accepted_substitutions(ChangedTimestamp& timestamp) {
  const std::string& text = timestamp.text();
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    for (int other = 0; other < 256; ++other) {
      if (other == static_cast<unsigned char>(text[at])) continue;
      changed[at] = static_cast<char>(other);
      timestamp.take(changed);
    }
  }
  return timestamp.accepted();
}

std::size_t accepted_deletions(ChangedTimestamp& timestamp) {
  for (std::size_t at = 0; at < timestamp.text().size(); ++at) {
    std::string changed = timestamp.text();
    changed.erase(at, 1);
    timestamp.take(changed);
  }
  return timestamp.accepted();
}

// Book: JSON-18
TEST(ByteOfACompactTimestamp, CannotBeSubstitutedOrDeleted) {
  ChangedTimestamp timestamp(0);
  EXPECT_EQ(accepted_substitutions(timestamp), 0U);
  EXPECT_EQ(accepted_deletions(timestamp), 0U);
}

// Book: JSON-18
TEST(ByteOfAnIndentedTimestamp, CanBeSubstitutedOrDeletedWhereItIsSpaceAndThenTheFileSaysTheSame) {
  ChangedTimestamp timestamp(1);
  const auto is_space = [](char c) { return c == ' ' || c == '\n'; };
  const auto spaces =
      static_cast<std::size_t>(std::count_if(timestamp.text().begin(), timestamp.text().end(), is_space));
  EXPECT_EQ(accepted_substitutions(timestamp), spaces * 3);  // each by one of the other three
  ChangedTimestamp again(1);
  EXPECT_EQ(accepted_deletions(again), spaces);
}

// Book: JSON-17
// Spec: 4.2.1, 4.2.2
TEST(HexField, IsLowerCaseAndOfItsOwnLengthEverywhere) {
  const TestKey key(802);
  RepositorySimulator repository;
  repository.root.keys.emplace(key.keyid(), key.public_key());
  repository.add_target("app", "content");
  repository.publish();
  struct Field {
    json::Value role;
    JsonPath path;
    std::string (*verdict)(const json::Value& value);
  };
  const Field fields[] = {
      {repository.root.to_json(),
       {"keys", key.keyid().text(), "keyval", "public"},
       [](const json::Value& value) { return code_of(metadata::Root::parse(value)); }},
      {repository.timestamp.to_json(),
       {"meta", "snapshot.json", "hashes", "sha256"},
       [](const json::Value& value) { return code_of(metadata::Timestamp::parse(value)); }},
      {repository.snapshot.to_json(),
       {"meta", "targets.json", "hashes", "sha256"},
       [](const json::Value& value) { return code_of(metadata::Snapshot::parse(value)); }},
      {repository.targets.to_json(),
       {"targets", "app", "hashes", "sha256"},
       [](const json::Value& value) { return code_of(metadata::Targets::parse(value)); }},
  };
  for (const Field& field : fields) {
    const std::string hex = *at(field.role, field.path).string();
    ASSERT_EQ(hex.size(), 64U);
    std::string upper = hex;
    std::size_t letter = upper.find_first_of("abcdef");
    ASSERT_NE(letter, upper.npos);
    upper[letter] = static_cast<char>(std::toupper(upper[letter]));
    for (const std::string& bad :
         {std::string(), upper, hex.substr(1), hex + "0", hex + "00", hex.substr(0, 62), " " + hex.substr(1),
          hex.substr(1) + " ", hex.substr(1) + "\n", "0x" + hex.substr(2), hex.substr(1) + "g",
          hex.substr(1) + "\xC3\xA9", hex.substr(0, 32) + ":" + hex.substr(33), std::string("../../../../etc/x")}) {
      EXPECT_EQ(field.verdict(with(field.role, field.path, bad)), "E_PARSE") << text_of(field.path) << ": " << bad;
    }
    EXPECT_EQ(field.verdict(field.role), "accepted") << text_of(field.path);
  }
}

}  // namespace
}  // namespace tenon::tests
