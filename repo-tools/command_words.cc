#include <tenon/hsm/key_file.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/command_words.h>

#include <charconv>

namespace tenon::repo_tools {

using policies::Label;
using policies::Sequence;
using policies::Share;

namespace {

constexpr std::size_t kShownDrafts = 8;

// A number and what follows it.
struct Amount {
  std::uint64_t value;
  std::string_view unit;
};

std::optional<Amount> amount(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return Amount{value, text.substr(static_cast<std::size_t>(end - text.data()))};
}

}  // namespace

Result<Label> label(std::string_view option, std::string_view text) {
  Result<Label> parsed = Label::parse(text);
  if (parsed) return parsed;
  return Error{ErrorCode::kUsage, std::string(option) + ": " + parsed.error().message};
}

Result<std::vector<Label>> labels(std::string_view option, const std::vector<std::string>& texts) {
  std::vector<Label> parsed;
  for (const std::string& text : texts) {
    TENON_TRY(Label one, label(option, text));
    parsed.push_back(std::move(one));
  }
  return parsed;
}

Result<Sequence> sequence(std::string_view option, std::int64_t value) {
  Result<Sequence> created = Sequence::create(value);
  if (created) return created;
  return Error{ErrorCode::kUsage, std::string(option) + " " + std::to_string(value) + " is below 1"};
}

Result<Share> share(std::string_view option, std::string_view text) {
  Result<Share> parsed = Share::parse_percent(text);
  if (parsed) return parsed;
  return Error{ErrorCode::kUsage, std::string(option) + ": " + parsed.error().message};
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const std::optional<Amount> size = amount(text);
  const std::string_view unit = size ? size->unit : "?";
  const std::uint64_t factor = unit.empty() ? 1 : unit == "KiB" ? 1u << 10 : unit == "MiB" ? 1u << 20 : 0;
  if (factor != 0 && size->value <= UINT64_MAX / factor) return size->value * factor;
  return Error{ErrorCode::kUsage, printable(text, 40) + ": is no size"}.with_hint("write 65536, 64KiB or 1MiB");
}

Result<std::int64_t> parse_duration(std::string_view text) {
  constexpr std::uint64_t kMost = 3660;  // ten years of days
  const std::optional<Amount> duration = amount(text);
  const std::string_view unit = duration ? duration->unit : "?";
  const std::uint64_t hours = unit == "h" ? 1 : unit == "d" ? 24 : 0;
  if (hours != 0 && duration->value <= kMost) return static_cast<std::int64_t>(duration->value * hours * 3600);
  return Error{ErrorCode::kUsage, printable(text, 40) + ": is no duration"}.with_hint("write 36h or 2d");
}

Result<std::vector<metadata::PublicKey>> public_keys(const std::vector<std::filesystem::path>& files) {
  std::vector<metadata::PublicKey> keys;
  for (const std::filesystem::path& file : files) {
    TENON_TRY(hsm::KeyFile key, hsm::read_key_file(file));
    keys.push_back(std::move(key.key));
  }
  return keys;
}

std::string percent_of(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  const std::uint64_t hundredths = part * 10000 / whole;
  const std::string decimals = std::to_string(hundredths % 100);
  return std::to_string(hundredths / 100) + "." + std::string(2 - decimals.size(), '0') + decimals + " %";
}

std::string draft_line(const Draft& draft, bool dry_run) {
  std::string line = std::string(dry_run ? "would draft " : "drafted ") + printable(draft.role.text()) + " v" +
                     std::to_string(draft.version.value()) + ", expires " + draft.expires.text();
  if (draft.signatures_dropped > 0) {
    line += "; its " + std::to_string(draft.signatures_dropped) + " signatures were for other bytes and are gone";
  }
  return line;
}

void say_drafts(const Console& console, const std::vector<Draft>& drafts, bool dry_run) {
  for (std::size_t i = 0; i < drafts.size() && i < kShownDrafts; ++i) console.say(draft_line(drafts[i], dry_run));
  if (drafts.size() > kShownDrafts)
    console.say("  and " + std::to_string(drafts.size() - kShownDrafts) + " roles more");
}

json::Object draft_json(const Draft& draft) {
  json::Object object;
  object.set("role", draft.role.text());
  object.set("version", draft.version.value());
  object.set("expires", draft.expires.text());
  return object;
}

void give_change(const Console& console, json::Object object, const std::optional<Draft>& draft, bool dry_run) {
  object.set("schema", 1);
  object.set("changed", draft.has_value());
  object.set("dry_run", dry_run);
  if (draft) object.set("draft", draft_json(*draft));
  console.give(std::move(object));
}

}  // namespace tenon::repo_tools
