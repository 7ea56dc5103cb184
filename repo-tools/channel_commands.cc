// The commands of a channel: set, advance, pause, resume, withdraw.
#include <tenon/repo_tools/channel_editor.h>
#include <tenon/repo_tools/command_words.h>
#include <tenon/repo_tools/commands.h>

namespace tenon::repo_tools {
namespace {

using policies::Label;
using policies::Ramp;
using policies::Share;

// NAME=SHARE, or DURATION=SHARE.
Result<std::pair<std::string_view, Share>> named_share(std::string_view option, std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  TENON_TRY(const Share value, share(option, equals == text.npos ? "" : text.substr(equals + 1)));
  return std::pair(name, value);
}

Result<std::optional<Ramp>> ramp_of(const std::vector<std::string>& words, metadata::UtcTime now) {
  if (words.empty()) return std::optional<Ramp>();
  std::vector<Ramp::Point> points;
  for (const std::string& word : words) {
    TENON_TRY(const auto point, named_share("--ramp", word));
    TENON_TRY(const std::int64_t after, parse_duration(point.first));
    points.push_back({after, point.second});
  }
  const Result<Ramp> ramp = Ramp::create(now, std::move(points));
  if (!ramp) return Error{ErrorCode::kUsage, "--ramp: " + ramp.error().message};
  return std::optional(*ramp);
}

Result<RolloutChange> rollout_change(const ChannelWords& words, metadata::UtcTime now) {
  RolloutChange change;
  if (!words.share.empty()) {
    TENON_TRY(change.share, share("--share", words.share));
  }
  TENON_TRY(change.ramp, ramp_of(words.ramp, now));
  for (const std::string& word : words.groups) {
    TENON_TRY(const auto entry, named_share("--group", word));
    TENON_TRY(Label group, label("--group", entry.first));
    change.groups.insert_or_assign(std::move(group), entry.second);
  }
  if (words.urgent_below) {
    TENON_TRY(change.urgent_below, sequence("--urgent-below", *words.urgent_below));
  }
  if (!words.deadline.empty()) {
    Result<metadata::UtcTime> deadline = metadata::UtcTime::parse(words.deadline);
    if (!deadline) return Error{ErrorCode::kUsage, "--deadline: " + deadline.error().message};
    change.deadline = *deadline;
  }
  return change;
}

Result<ExitStatus> run_edit(const Console& console, const ChannelWords& words, RolloutChange rollout) {
  TENON_TRY(const Repository repository, Repository::open(words.folder));
  TENON_TRY(const hsm::FileDescriptor lock, repository.lock());
  TENON_TRY(Label product, label("--product", words.product));
  TENON_TRY(Label channel, label("--channel", words.channel));
  ChannelRequest request{.product = std::move(product), .channel = std::move(channel), .rollout = std::move(rollout)};
  if (!words.release.empty()) {
    TENON_TRY(request.release, label("--release", words.release));
  }
  TENON_TRY(request.withdraw, labels("--withdraw", words.withdraw));
  const auto writer = writer_for(words.dry_run);
  TENON_TRY(const ChannelEdited edited, edit_channel(repository, *writer, request, console.now));
  if (console.as_json) {
    json::Object object;
    object.set("channel", edited.channel.to_json());
    give_change(console, std::move(object), edited.draft, words.dry_run);
  }
  const Label& release = edited.channel.release;
  if (!edited.draft) {
    console.say("channel " + words.channel + " says this already: nothing to do");
    return ExitStatus::kOk;
  }
  console.say("channel " + words.channel + ": " + release.text() + ", serial " + std::to_string(edited.channel.serial) +
              (edited.channel.withdraws(release) ? "; it is withdrawn, devices wait for the next" : ""));
  console.say("  " + edited.channel.rollout.text());
  if (!edited.note.empty()) console.say("  note: " + edited.note);
  console.say(draft_line(*edited.draft, words.dry_run));
  console.say(std::string(kSignNext));
  return ExitStatus::kOk;
}

}  // namespace

Result<ExitStatus> run_channel_edit(const Console& console, const ChannelWords& words) {
  TENON_TRY(RolloutChange rollout, rollout_change(words, console.now));
  return run_edit(console, words, std::move(rollout));
}

Result<ExitStatus> run_channel_advance(const Console& console, const ChannelWords& words) {
  TENON_TRY(RolloutChange rollout, rollout_change(words, console.now));
  if (rollout == RolloutChange{}) {
    return Error{ErrorCode::kUsage, "nothing is to advance"}.with_hint(
        "name --share, --ramp, --group, --urgent-below or --deadline");
  }
  return run_edit(console, words, std::move(rollout));
}

Result<ExitStatus> run_channel_pause(const Console& console, const ChannelWords& words) {
  return run_edit(console, words, {.is_paused = true});
}

Result<ExitStatus> run_channel_resume(const Console& console, const ChannelWords& words) {
  return run_edit(console, words, {.is_paused = false});
}

}  // namespace tenon::repo_tools
