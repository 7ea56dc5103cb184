#include <tenon/policies/device_rules.h>

#include <algorithm>

namespace tenon::policies {
namespace {

// What is offered, and where it leads to: "1.4.0 (sequence 6, bridge to 2.0.0)".
std::string shown(const Candidate& candidate) {
  const Release& next = candidate.trip.next();
  if (candidate.trip.is_straight()) return next.title();
  return next.version.text() + " (sequence " + std::to_string(next.sequence.value()) + ", bridge to " +
         candidate.trip.destination().version.text() + ")";
}

std::string name_of(const Channel& channel) {
  return channel.product.text() + "/" + channel.channel.text();
}

bool is_running(const Candidate& candidate) {
  const DeviceFacts& facts = candidate.facts;
  const Release& next = candidate.trip.next();
  const bool says_so = facts.running_version == next.version && facts.running_sequence == next.sequence;
  return says_so || facts.running_release == candidate.channel.release_sha256;
}

// What runs already is not installed again, however old it is: rules about installing have nothing to say of it.
bool would_be_installed(const Candidate& candidate) {
  return !is_running(candidate);
}
bool always(const Candidate&) {
  return true;
}

std::vector<Breach> broken(bool is_broken, const char* expected, std::string text) {
  if (!is_broken) return {};
  return {{"release", expected, std::move(text)}};
}

std::vector<Breach> check_named(const Candidate& candidate) {
  const Release& named = candidate.trip.destination();
  return broken(named.product != candidate.facts.product || named.version != candidate.channel.release,
                "the release that the channel names",
                "the release file is of " + named.product.text() + " " + named.title());
}

std::vector<Breach> check_bridge_first(const Candidate& candidate) {
  const Bridge* bridge = candidate.trip.wanted();
  if (bridge == nullptr) return {};
  return broken(true, "a release that this device may go to straight",
                shown(candidate) + " is not for devices below sequence " + std::to_string(bridge->below.value()) +
                    ", which go over " + bridge->via.text() + " first");
}

// Who could not arrive does not set off: rules about where a trip leads look at all its stops.
template <class IsBad>
std::vector<Breach> broken_at_a_stop(const Candidate& candidate, const char* expected, const std::string& text,
                                     IsBad is_bad) {
  const std::vector<Release>& stops = candidate.trip.stops();
  const auto bad = std::ranges::find_if(stops, is_bad);
  if (bad == stops.end()) return {};
  return broken(true, expected, bad->title() + text);
}

std::vector<Breach> check_hardware(const Candidate& candidate) {
  const Label& hardware = candidate.facts.hardware;
  return broken_at_a_stop(
      candidate, "a release for this hardware", " is not for hardware " + hardware.text(),
      [&](const Release& stop) { return std::ranges::find(stop.hardware, hardware) == stop.hardware.end(); });
}

std::vector<Breach> check_not_older(const Candidate& candidate) {
  const std::optional<Sequence> lowest = candidate.facts.floor.lowest();
  if (!lowest) return {};
  return broken(
      candidate.trip.next().sequence < *lowest, "the lowest sequence accepted here, or a higher one",
      shown(candidate) + " is older than the lowest sequence accepted here, " + std::to_string(lowest->value()));
}

std::vector<Breach> check_not_withdrawn(const Candidate& candidate) {
  return broken_at_a_stop(candidate, "a release that was not withdrawn", " was withdrawn",
                          [&](const Release& stop) { return candidate.channel.withdraws(stop.version); });
}

// A release that failed may share images with those that run well: only all of them together are what failed.
std::vector<Breach> check_quarantine(const Candidate& candidate) {
  const auto failed = [&](const Image& image) { return candidate.facts.quarantine.contains(image.sha256); };
  return broken_at_a_stop(candidate, "a release that has not failed here",
                          " was rolled back on this device; a newer release is awaited",
                          [&](const Release& stop) { return std::ranges::all_of(stop.images, failed); });
}

std::vector<Breach> check_not_paused(const Candidate& candidate) {
  return broken(candidate.channel.rollout.is_paused, "a rollout that goes on",
                "the rollout of " + shown(candidate) + " is paused");
}

// What runs here may be worse than what an early update risks.
bool is_urgent(const Candidate& candidate) {
  const Rollout& rollout = candidate.channel.rollout;
  const DeviceFacts& facts = candidate.facts;
  const bool runs_below = rollout.urgent_below && facts.running_sequence < rollout.urgent_below;
  const bool runs_withdrawn = facts.running_version && candidate.channel.withdraws(*facts.running_version);
  const bool is_late = rollout.deadline && facts.now && *facts.now >= *rollout.deadline;
  return (facts.running_sequence && runs_below) || runs_withdrawn || is_late;
}

// A bridge belongs to the turn of the release that it leads to.
std::vector<Breach> check_turn(const Candidate& candidate) {
  const DeviceFacts& facts = candidate.facts;
  const Share share = candidate.channel.rollout.share_of(facts.group, facts.now);
  const bool has_id = !facts.device_id.empty();
  const std::string& salt = candidate.trip.destination().version.text();
  const std::int64_t place = has_id ? place_of(salt, facts.device_id) : Share::kWhole - 1;
  return broken(!is_urgent(candidate) && place >= share.value(), "a share that this device is in",
                shown(candidate) + " is for " + share.percent() + " of the devices so far; this one " +
                    (has_id ? "is at " + Share::create(place)->percent() : "has no id and comes last"));
}

// When a wish to wait ends, and the window is open then.
std::optional<metadata::UtcTime> end_of_hold(std::string_view rule, const DeviceFacts& facts) {
  const std::optional<metadata::UtcTime> from = rule == "deferred" ? facts.deferred_until : facts.now;
  if ((rule != "deferred" && rule != "window") || !from) return std::nullopt;
  return facts.window ? facts.window->next_opening(*from) : *from;
}

std::vector<Breach> check_deferral(const Candidate& candidate) {
  const DeviceFacts& facts = candidate.facts;
  if (!facts.deferred_until || is_urgent(candidate)) return {};
  return broken(!facts.now || *facts.now < *facts.deferred_until, "nobody who wants to wait",
                shown(candidate) + " waits until " + facts.deferred_until->text() + ", as a person asked");
}

std::vector<Breach> check_window(const Candidate& candidate) {
  const DeviceFacts& facts = candidate.facts;
  if (!facts.window) return {};
  const std::string waits = shown(candidate) + " waits for the maintenance window, ";
  if (!facts.now) return broken(true, "a clock to be trusted", waits + "and the clock is not to be trusted");
  return broken(!facts.window->is_open(*facts.now), "an open maintenance window",
                waits + "which opens " + facts.window->next_opening(*facts.now).text());
}

std::vector<Breach> check_link(const Candidate& candidate) {
  return broken(candidate.facts.is_metered.value_or(false), "a link that does not cost by the byte",
                shown(candidate) + " waits for a link that is not metered");
}

constexpr Rule<Candidate> kRules[] = {
    {.id = "other_release",
     .severity = Severity::kError,
     .title = "the release is the one that the channel names",
     .standard = "on",
     .source = "test book TGT-05",
     .explanation = "a signed release of another product or version is not what was decided for this channel",
     .advice = "publish the channel again: tenon-repo channel set",
     .concerns = always,
     .check = check_named},
    {.id = "bridge_first",
     .severity = Severity::kError,
     .title = "what must run before the release has run",
     .standard = "on",
     .source = "the release's bridges, adr/0013",
     .explanation =
         "a release that needs another layout of the disk or of the boot environment does not start without it",
     .advice = "publish the bridge that the release names",
     .concerns = always,
     .check = check_bridge_first},
    {.id = "hardware",
     .severity = Severity::kError,
     .title = "the release is for this hardware",
     .standard = "on",
     .source = "test book TGT-06",
     .explanation = "an image for another board does not boot, or harms it",
     .advice = "name the hardware when the release is made, if it runs there",
     .concerns = always,
     .check = check_hardware},
    {.id = "older",
     .severity = Severity::kError,
     .title = "the release is not older than what was confirmed, nor below the signed floor",
     .standard = "on",
     .source = "test book TGT-11",
     .explanation = "old releases are signed for ever, and their flaws are known",
     .advice = "release the old images again under a higher sequence",
     .concerns = would_be_installed,
     .check = check_not_older},
    {.id = "withdrawn",
     .severity = Severity::kWarning,
     .title = "the release was not withdrawn",
     .standard = "on",
     .source = "the channel document",
     .explanation = "whoever rolls out has stopped it",
     .advice = "set the channel to a newer release",
     .concerns = would_be_installed,
     .check = check_not_withdrawn},
    {.id = "quarantine",
     .severity = Severity::kWarning,
     .title = "the release has not failed on this device",
     .standard = "on",
     .source = "test book DEV-67",
     .explanation = "it would be rolled back again and again",
     .advice = "release a newer one",
     .concerns = would_be_installed,
     .check = check_quarantine},
    {.id = "paused",
     .severity = Severity::kWarning,
     .title = "the rollout is not paused",
     .standard = "on",
     .source = "the channel document",
     .explanation = "whoever rolls out is looking into something",
     .advice = "tenon-repo channel resume",
     .concerns = would_be_installed,
     .check = check_not_paused},
    {.id = "share",
     .severity = Severity::kWarning,
     .title = "it is this device's turn",
     .standard = "all devices at once",
     .source = "the channel document",
     .explanation = "what fails is to fail on few devices first",
     .advice = "tenon-repo channel advance",
     .concerns = would_be_installed,
     .check = check_turn},
    {.id = "deferred",
     .severity = Severity::kWarning,
     .title = "nobody at the device wants to wait",
     .standard = "nobody does",
     .source = "tenon defer",
     .explanation = "who works with a device knows best when it must not restart; what is urgent does not wait",
     .advice = "wait, or tenon defer --clear",
     .concerns = would_be_installed,
     .check = check_deferral},
    {.id = "window",
     .severity = Severity::kWarning,
     .title = "the maintenance window is open",
     .standard = "no window",
     .source = "the maker of the device",
     .explanation = "a device that works for people must not restart while they use it",
     .advice = "wait: the window opens every day, where the clock is set; or tenon install --now",
     .concerns = would_be_installed,
     .check = check_window},
    {.id = "metered",
     .severity = Severity::kWarning,
     .title = "the link does not cost by the byte",
     .standard = "any link",
     .source = "the maker of the device",
     .explanation = "an image over a mobile link may cost more than the device",
     .advice = "wait for another link, bring a bundle, or tenon install --now",
     .concerns = would_be_installed,
     .check = check_link},
};

}  // namespace

void SequenceFloor::raise(Sequence confirmed_sequence, Sequence release_floor) {
  confirmed = confirmed ? std::max(*confirmed, confirmed_sequence) : confirmed_sequence;
  signed_floor = signed_floor ? std::max(*signed_floor, release_floor) : release_floor;
}

// A serial counts for the channel it was seen of; a device that follows another one begins anew.
void SequenceFloor::raise_serial(const Channel& channel) {
  const bool same = serial_of == name_of(channel);
  channel_serial = same ? std::max(channel_serial, channel.serial) : channel.serial;
  serial_of = name_of(channel);
}

void SequenceFloor::forget_serial() {
  channel_serial = 0;
  serial_of.clear();
}

std::optional<Sequence> SequenceFloor::lowest() const {
  if (!confirmed || !signed_floor) return confirmed ? confirmed : signed_floor;
  return std::max(*confirmed, *signed_floor);
}

Result<void> check_channel(const Channel& channel, const DeviceFacts& facts) {
  if (channel.product != facts.product || channel.channel != facts.channel) {
    return Error{ErrorCode::kPolicy, "the document is of channel " + channel.channel.text() + " of " +
                                         channel.product.text() + ", this device follows " + facts.channel.text() +
                                         " of " + facts.product.text()};
  }
  if (facts.floor.serial_of == name_of(channel) && channel.serial < facts.floor.channel_serial) {
    return Error{ErrorCode::kRollback, "channel serial " + std::to_string(channel.serial) + " < seen " +
                                           std::to_string(facts.floor.channel_serial)};
  }
  return {};
}

std::span<const Rule<Candidate>> device_rules() {
  return kRules;
}

Trip begin_trip(const Channel& channel, Release release, const DeviceFacts& facts) {
  const bool is_there = facts.running_release == channel.release_sha256;
  const std::optional<Sequence> running = is_there ? release.sequence : facts.running_sequence;
  return Trip(std::move(release), running);
}

Decision decide(const Channel& channel, const Trip& trip, const DeviceFacts& facts) {
  const Candidate candidate{channel, trip, facts};
  const Judgement judgement = evaluate(device_rules(), candidate, {}, facts.now.value_or(metadata::UtcTime::epoch()));
  for (const auto& [severity, verdict] :
       {std::pair(Severity::kError, Verdict::kRefuse), std::pair(Severity::kWarning, Verdict::kHold)}) {
    const auto finding = std::ranges::find(judgement.findings, severity, &Finding::severity);
    if (finding == judgement.findings.end()) continue;
    return {verdict, finding->rule, finding->breach.found, end_of_hold(finding->rule, facts)};
  }
  if (is_running(candidate)) return {Verdict::kUpToDate, "up_to_date", shown(candidate) + " is running"};
  return {Verdict::kInstall, trip.is_straight() ? "newer" : "bridge", shown(candidate) + " is to be installed"};
}

}  // namespace tenon::policies
