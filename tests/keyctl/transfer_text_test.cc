#include <tenon/keyctl/transfer_text.h>

#include <algorithm>
#include <iostream>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>
#include <zstd.h>

namespace tenon::keyctl {
namespace {

Bytes noise(std::size_t size, std::uint32_t seed = 1) {
  std::mt19937 engine(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine());
  return bytes;
}

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

ErrorCode code_of(const Result<Bytes>& result) {
  return result ? ErrorCode::kUsage : result.error().code;
}

// Base45 of anything, as RFC 9285 writes it, for lines that no encoder of ours makes.
std::string base45(ByteView bytes) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const bool pair = i + 1 < bytes.size();
    unsigned value = pair ? bytes[i] * 256u + bytes[i + 1] : bytes[i];
    for (int digit = 0; digit < (pair ? 3 : 2); ++digit, value /= 45) text += kAlphabet[value % 45];
  }
  return text;
}

TEST(TransferText, GivesBackWhatWasPutInAtEverySize) {
  for (std::size_t size : {0u, 1u, 2u, 3u, 4u, 100u, 2'847u, 2'848u, 2'849u, 10'000u, 44'000u}) {
    const Bytes content = noise(size);
    const Result<std::vector<std::string>> lines = to_transfer_lines(content);
    ASSERT_TRUE(lines) << size;
    for (const std::string& line : *lines) {
      EXPECT_LE(line.size(), kMaxCodeCharacters);
      EXPECT_EQ(line.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"), std::string::npos);
      EXPECT_TRUE(is_transfer_text(as_bytes(line)));
    }
    const Result<Bytes> again = from_transfer_text(text_of(*lines));
    ASSERT_TRUE(again) << size << again.error().message;
    EXPECT_EQ(*again, content);
  }
}

TEST(TransferText, JoinsCodesInAnyOrderTwiceAndWithTheLineEndsOfScanners) {
  const Bytes content = noise(10'000);
  std::vector<std::string> lines = *to_transfer_lines(content);
  ASSERT_GT(lines.size(), 2u);
  std::ranges::reverse(lines);
  lines.push_back(lines.front());
  std::string text = "\r\n";
  for (const std::string& line : lines) text += line + "\r\n\r\n";
  EXPECT_EQ(*from_transfer_text(text), content);
}

// Book: KEYT-21
TEST(TransferText, SaysWhichCodeIsMissing) {
  std::vector<std::string> lines = *to_transfer_lines(noise(10'000));
  lines.erase(lines.begin() + 1);
  const Result<Bytes> result = from_transfer_text(text_of(lines));
  EXPECT_EQ(code_of(result), ErrorCode::kParse);
  EXPECT_NE(result.error().message.find("code 2 of 4 is missing"), std::string::npos) << result.error().message;
}

// Book: KEYT-21
TEST(TransferText, RefusesCodesOfTwoTransfers) {
  const std::vector<std::string> first = *to_transfer_lines(noise(10'000, 1));
  const std::vector<std::string> second = *to_transfer_lines(noise(10'000, 2));
  ASSERT_EQ(first.size(), second.size());
  EXPECT_EQ(code_of(from_transfer_text(first[0] + "\n" + second[1] + "\n" + first[2] + "\n" + first[3])),
            ErrorCode::kParse);
  // Two readings of one code that differ: which was right is not guessed.
  std::string misread = first[1];
  misread.back() = misread.back() == '0' ? '1' : '0';
  EXPECT_EQ(code_of(from_transfer_text(text_of(first) + misread)), ErrorCode::kParse);
}

// Book: KEYT-21
TEST(TransferText, RefusesEveryChangedCharacter) {
  const Bytes content = to_bytes("{\"format\": \"tenon-request-1\", \"repository\": \"acme-fw\"}");
  const std::string line = to_transfer_lines(content)->front();
  for (std::size_t at = 0; at < line.size(); ++at) {
    for (char c : {'0', 'A', ':', '-', 'z', '\x1b'}) {
      std::string changed = line;
      changed[at] = c;
      if (changed == line) continue;
      const Result<Bytes> result = from_transfer_text(changed);
      if (result) {
        ASSERT_EQ(*result, content) << at << c;  // "TN1:1/1" read as "TN1:01/1" is the same
      } else {
        expect_safe_error(result.error());
      }
    }
  }
}

// Book: KEYT-21
TEST(TransferText, RefusesLinesThatAreNone) {
  const std::string digest = "00000000";
  const std::vector<std::string> bad = {std::string(),
                                        std::string("\n"),
                                        std::string("TN1:"),
                                        std::string("TN2:1/1:") + digest + ":00",
                                        "TN1:0/1:" + digest + ":00",
                                        "TN1:2/1:" + digest + ":00",
                                        "TN1:1/17:" + digest + ":00",
                                        "TN1:-1/1:" + digest + ":00",
                                        "TN1:1/18446744073709551617:" + digest + ":00",
                                        "TN1:1:" + digest + ":00",
                                        "TN1:1/1:" + digest,
                                        "TN1:1/1:0000:00",
                                        "tn1:1/1:" + digest + ":00",
                                        "TN1:1/1:" + digest + ":0",
                                        "TN1:1/1:" + digest + ":::::",
                                        "TN1:1/1:" + digest + ":GGW00",
                                        "TN1:1/1:" + digest + ":",
                                        std::string("TN1:1/1:") + digest + ":00\n" + kHostile};
  for (const std::string& text : bad) {
    const Result<Bytes> result = from_transfer_text(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kParse) << text;
    expect_safe_error(result.error());
  }
}

// Book: KEYT-21
TEST(TransferText, RefusesWhatUnpacksToMoreThanItsLimit) {
  const Bytes large(kMaxTransferBytes + 1, 'a');
  EXPECT_EQ(to_transfer_lines(large).error().code, ErrorCode::kLimit);
  EXPECT_EQ(to_transfer_lines(noise(100'000)).error().code, ErrorCode::kLimit);  // fits no 16 codes
  EXPECT_TRUE(to_transfer_lines(Bytes(kMaxTransferBytes, 'a')));
  const auto packed = [](const Bytes& content, std::size_t keep) {
    Bytes out(ZSTD_compressBound(content.size()));
    out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 1));
    out.resize(std::min(out.size(), keep));
    return "TN1:1/1:00000000:" + base45(out);
  };
  const Bytes bomb(256u << 20, 0);  // 256 MiB in 8 KiB
  EXPECT_EQ(code_of(from_transfer_text(packed(bomb, SIZE_MAX))), ErrorCode::kLimit);
  EXPECT_EQ(code_of(from_transfer_text(packed(large, SIZE_MAX))), ErrorCode::kLimit);
  EXPECT_EQ(code_of(from_transfer_text(packed(Bytes(1000, 'a'), 10))), ErrorCode::kParse);
  EXPECT_EQ(code_of(from_transfer_text(packed(Bytes(1000, 'a'), SIZE_MAX))), ErrorCode::kMismatch);  // the digest
  std::string lines;
  for (int i = 0; i < 33; ++i) lines += "TN1:1/1:00000000:00\n";
  EXPECT_EQ(code_of(from_transfer_text(lines)), ErrorCode::kLimit);
}

// A frame that says that it holds less than it does, one behind another, one that is skipped.
// Book: KEYT-21
TEST(TransferText, RefusesFramesBehindTheFirst) {
  const auto frame = [](const Bytes& content) {
    Bytes out(ZSTD_compressBound(content.size()));
    out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 1));
    return out;
  };
  Bytes two = frame(Bytes(10, 'a'));
  const Bytes second = frame(Bytes(1u << 20, 'b'));
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(code_of(from_transfer_text("TN1:1/1:00000000:" + base45(two))), ErrorCode::kParse);
}

// keys.md 8.3: a classical root request fits one code.
TEST(TransferText, CarriesARootRequestOfEightKeysAndFiveProofsInOneCode) {
  CeremonyBuilder world;
  metadata::Root next = world.root(2);
  std::vector<std::unique_ptr<Person>> people;
  const hsm::Nonce nonce = *hsm::Nonce::parse("00112233445566778899aabbccddeeff");
  SigningRequest request = world.empty_request();
  auto& root_role = next.roles.at(metadata::TopRole::kRoot);
  root_role = {{}, *metadata::Threshold::create(3)};
  next.keys.clear();
  for (int i = 0; i < 8; ++i) {
    people.push_back(std::make_unique<Person>("person-" + std::to_string(i)));
    Person& person = *people.back();
    next.keys.emplace(person.file.keyid, person.file.key);
    if (i >= 5) {
      next.roles
          .at(i == 5   ? metadata::TopRole::kTargets
              : i == 6 ? metadata::TopRole::kSnapshot
                       : metadata::TopRole::kTimestamp)
          .keyids = {person.file.keyid};
      continue;
    }
    root_role.keyids.push_back(person.file.keyid);
    person.file.proof = *hsm::make_proof(person.key, nonce, kNow);
    request.keys.push_back(person.file.to_json());
  }
  request.documents = {document_of("root", next.to_json())};
  request.documents.front().reasons = {{"", "the yearly signature"}};
  request.nonce = nonce.hex();
  const std::string text = request.to_text();
  const Result<std::vector<std::string>> lines = to_transfer_lines(as_bytes(text));
  ASSERT_TRUE(lines);
  std::size_t characters = 0;
  for (const std::string& line : *lines) characters += line.size();
  RecordProperty("characters", static_cast<int>(characters));
  std::cout << text.size() << " bytes are " << characters << " characters in " << lines->size() << " codes\n";
  EXPECT_EQ(lines->size(), 1u);
  EXPECT_TRUE(draw_code(lines->front()));
  EXPECT_EQ(as_text(*from_transfer_text(text_of(*lines))), text);
}

TEST(TransferText, DrawsNoCodeThatIsTooLong) {
  EXPECT_TRUE(draw_code("TN1:" + std::string(kMaxCodeCharacters - 4, 'A')));
  EXPECT_EQ(draw_code("TN1:" + std::string(kMaxCodeCharacters - 3, 'A')).error().code, ErrorCode::kLimit);
}

}  // namespace
}  // namespace tenon::keyctl
