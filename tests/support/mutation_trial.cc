#include <tenon/client/workflow/target_search.h>
#include <tenon/metadata/check.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>
#include <variant>

#include <tests/support/mutation_trial.h>
#include <tests/support/session_runner.h>

namespace tenon::tests {

using client::Progress;
using client::RefreshSession;
using client::Reply;
using client::Step;
using client::TargetSearch;
using client::WantCached;
using client::WantRemote;
using metadata::Envelope;
using metadata::KeyId;
using metadata::TopRole;

namespace {

constexpr const char* kTarget = "dir/app.bin";
constexpr std::size_t kMaxFileBytes = 1u << 20;
constexpr std::size_t kFinishEvery = 512;  // refused mutants between two sessions that are followed to their end

RepositorySimulator mutation_repository(RepositoryOptions options) {
  RepositorySimulator repository(options);
  const TestKey first = repository.new_key();
  const TestKey second = repository.new_key();
  const TestKey third = repository.new_key();
  repository.set_keys(TopRole::kRoot, {first, second}, 2);
  repository.write_root();
  repository.set_keys(TopRole::kRoot, {second, third}, 2);
  repository.rotate_key(TopRole::kTimestamp);
  repository.publish_root();
  repository.timestamp.issued = test_now();
  repository.add_delegation({.name = "d1", .paths = {"dir/*"}, .keys = {first, second}, .threshold = 2});
  repository.add_delegation({.delegator = "d1", .name = "d2", .paths = {"dir/app.*"}, .terminating = true});
  repository.add_target(kTarget, "content", "d2");
  repository.publish();
  return repository;
}

// What a session has come to, as far as it shows.
struct State {
  Step step;
  metadata::VersionFloors floors = {};
  std::vector<metadata::RoleName> visited = {};
};

State state_of(const RefreshSession& session) {
  return {*session.next(), session.floors(), {}};
}

State state_of(const TargetSearch& search) {
  return {*search.next(), {}, search.visited()};
}

bool same_step(const Step& a, const Step& b) {
  const auto name = [](const Step& step) -> std::string {
    if (const auto* cached = std::get_if<WantCached>(&step)) return cached->file_name;
    const auto* remote = std::get_if<WantRemote>(&step);
    return remote == nullptr ? "" : remote->file_name;
  };
  return a.index() == b.index() && name(a) == name(b);
}

bool same(const State& a, const State& b) {
  return same_step(a.step, b.step) && a.floors == b.floors && a.visited == b.visited;
}

}  // namespace

// What the device has and the repository serves. A copy for each judge.
struct MutationTrial::World {
  explicit World(const RepositoryOptions& options) : repository(mutation_repository(options)) {
    embedded_root = repository.root_file(1);
    for (const char* role : {"root", "timestamp", "snapshot", "targets", "d1", "d2"}) {
      stored[stored_name(role)] = repository.served(repository.path_of(role));
    }
    rules.now = test_now();
    World fresh = *this;
    fresh.stored.clear();
    RefreshSession session = *RefreshSession::start(embedded_root, {}, rules);
    TENON_CHECK(fresh.run(session));
    floors = {.root = session.floors().root, .learned_under = session.floors().learned_under};
    trusted = std::make_shared<const client::TrustedRepository>(std::move(session).finish());
  }

  static std::string stored_name(const std::string& role) { return (role == "root" ? "2.root" : role) + ".json"; }

  Result<Reply> answer(const Step& step) {
    if (const auto* remote = std::get_if<WantRemote>(&step)) {
      return fetch_all(repository, "metadata/" + remote->file_name, remote->max_length);
    }
    const auto at = stored.find(std::get<WantCached>(step).file_name);
    return at == stored.end() ? Reply(client::NotFound{}) : Reply(at->second);
  }

  // run takes a session to its end, or to where it asks for a file.
  template <class Session>
  bool run(Session& session, const std::string& until_file = {}, bool until_stored = false) {
    for (;;) {
      const Result<Step> step = session.next();
      if (!step) return false;
      if (std::holds_alternative<client::Done>(*step)) return until_file.empty();
      const auto* remote = std::get_if<WantRemote>(&*step);
      const std::string& name = remote != nullptr ? remote->file_name : std::get<WantCached>(*step).file_name;
      if (name == until_file && until_stored == (remote == nullptr)) return true;
      const Result<Reply> reply = answer(*step);
      if (!reply || !session.feed(*reply)) return false;
    }
  }

  bool finishes(RefreshSession session) {
    if (!run(session)) return false;
    const client::TrustedRepository end = std::move(session).finish();
    return end.root.value() == trusted->root.value() && end.timestamp.value() == trusted->timestamp.value() &&
           end.snapshot.value() == trusted->snapshot.value() &&
           end.targets.targets().value() == trusted->targets.targets().value();
  }

  bool finishes(TargetSearch search) {
    return run(search) && search.found() && search.found()->signed_by().text() == "d2";
  }

  // listed_for gives the keyids that may sign a role, in the one root or the other.
  std::set<KeyId> listed_for(const std::string& role) const {
    std::set<KeyId> listed;
    const auto add = [&](const metadata::RoleKeys& keys) { listed.insert(keys.keyids.begin(), keys.keyids.end()); };
    const metadata::Root first = *metadata::Root::parse(Envelope::parse(embedded_root, kMaxFileBytes)->signed_part());
    if (role == "1.root" || role == "root") add(first.role(TopRole::kRoot));
    for (const TopRole top : metadata::kTopRoles) {
      if (role == to_string(top)) add(repository.root.role(top));
    }
    for (const metadata::Targets* delegator : {&repository.targets, &repository.delegated.at("d1")}) {
      for (const metadata::DelegatedRole& edge : delegator->delegations->roles) {
        if (edge.name.text() == role) add(edge.keys);
      }
    }
    return listed;
  }

  RepositorySimulator repository;
  std::map<std::string, Bytes> stored;
  Bytes embedded_root;
  metadata::Rules rules;
  // Of a device that knows its root but has lost what else it learned: so it shows whether a stored file was heeded.
  metadata::VersionFloors floors;
  std::shared_ptr<const client::TrustedRepository> trusted;  // immutable; the searches of all judges point to it
};

namespace {

// Whether a file says what another says, and bears the same signatures of those whose signatures count.
class Meaning {
 public:
  Meaning(ByteView file, std::set<KeyId> listed)
      : listed_(std::move(listed)), original_(*Envelope::parse(file, kMaxFileBytes)), signatures_(counted(original_)) {}

  bool is_same(ByteView mutant) const {
    const Result<Envelope> other = Envelope::parse(mutant, kMaxFileBytes);
    return other && other->signed_part() == original_.signed_part() && counted(*other) == signatures_;
  }

 private:
  std::map<KeyId, std::string> counted(const Envelope& envelope) const {
    std::map<KeyId, std::string> all;
    for (const metadata::Signature& signature : envelope.signatures()) {
      if (listed_.contains(signature.keyid)) all.emplace(signature.keyid, signature.hex);
    }
    return all;
  }

  std::set<KeyId> listed_;
  Envelope original_;
  std::map<KeyId, std::string> signatures_;
};

}  // namespace

// The first root is in the image; whoever can change that can do worse, but not by a flipped bit.
class MutationTrial::EmbeddedRootJudge final : public MutationJudge {
 public:
  explicit EmbeddedRootJudge(const World& world)
      : world_(world), meaning_(world.embedded_root, world.listed_for("1.root")) {}

  MutantVerdict judge(const Bytes& mutant) override {
    const Result<RefreshSession> session = RefreshSession::start(mutant, {}, world_.rules);
    if (!session) return MutantVerdict::kRefused;
    return meaning_.is_same(mutant) && world_.finishes(*session) ? MutantVerdict::kSameMeaning : MutantVerdict::kWrong;
  }

 private:
  World world_;
  Meaning meaning_;
};

// A session that stands where it asks for the subject.
template <class Session>
class MutationTrial::SessionJudge final : public MutationJudge {
 public:
  SessionJudge(const World& world, const Subject& subject, Session start)
      : world_(world),
        meaning_(subject.mutations.file(), world.listed_for(subject.role)),
        original_(subject.mutations.file()),
        stored_(subject.stored),
        pinned_(world.repository.options.list_hashes && subject.role != "root" && subject.role != "timestamp"),
        session_(std::move(start)) {
    const std::string path = world_.repository.path_of(subject.role);
    const std::string file_name = stored_ ? World::stored_name(subject.role) : path.substr(path.rfind('/') + 1);
    if (!stored_) world_.stored.clear();
    TENON_CHECK(world_.run(session_, file_name, stored_));
    waiting_ = session_;
    state_ = state_of(*waiting_);
    TENON_CHECK(session_.feed(original_));
    with_original_ = state_of(session_);
    session_ = *waiting_;
    if (!stored_) return;
    TENON_CHECK(session_.feed(client::NotFound{}));
    with_nothing_ = state_of(session_);
    TENON_CHECK(!same(*with_original_, *with_nothing_));
    session_ = *waiting_;
  }

  MutantVerdict judge(const Bytes& mutant) override { return stored_ ? judge_stored(mutant) : judge_served(mutant); }

 private:
  // A refused file changes nothing: the same session goes on and takes the next one.
  MutantVerdict judge_served(const Bytes& mutant) {
    if (session_.feed(mutant)) {
      session_ = *waiting_;
      return !pinned_ && meaning_.is_same(mutant) ? MutantVerdict::kSameMeaning : MutantVerdict::kWrong;
    }
    if (!same(state_of(session_), *state_)) return MutantVerdict::kWrong;
    return ++refused_ % kFinishEvery != 0 || world_.finishes(session_) ? MutantVerdict::kRefused
                                                                       : MutantVerdict::kWrong;
  }

  MutantVerdict judge_stored(const Bytes& mutant) {
    session_ = *waiting_;
    if (!session_.feed(mutant)) return MutantVerdict::kWrong;
    const State now = state_of(session_);
    const bool used = same(now, *with_original_);
    const bool absent = same(now, *with_nothing_);
    // A pinned snapshot of other formatting is not used, but what it says is true and may raise floors.
    const bool heeded = same_step(now.step, with_nothing_->step) && now.floors == with_original_->floors;
    if (!used && !absent && !heeded) return MutantVerdict::kWrong;
    if (used && pinned_) return MutantVerdict::kWrong;
    if (!absent && !meaning_.is_same(mutant)) return MutantVerdict::kWrong;
    if ((used || ++refused_ % kFinishEvery == 0) && !world_.finishes(session_)) return MutantVerdict::kWrong;
    return used ? MutantVerdict::kSameMeaning : MutantVerdict::kRefused;
  }

  World world_;
  Meaning meaning_;
  Bytes original_;
  bool stored_;
  bool pinned_;
  Session session_;
  std::optional<Session> waiting_;  // as session_ was when it asked for the file
  std::optional<State> state_;
  std::optional<State> with_original_;
  std::optional<State> with_nothing_;
  std::size_t refused_ = 0;
};

MutationTrial::MutationTrial(RepositoryOptions options) : world_(std::make_unique<const World>(options)) {
  const RepositorySimulator& repository = world_->repository;
  subjects_.push_back({"1.root", false, ByteMutations(world_->embedded_root)});
  for (const bool stored : {false, true}) {
    for (const char* role : {"root", "timestamp", "snapshot", "targets", "d1", "d2"}) {
      subjects_.push_back({role, stored, ByteMutations(repository.served(repository.path_of(role)))});
    }
  }
}

MutationTrial::~MutationTrial() = default;

std::unique_ptr<MutationJudge> MutationTrial::judge_for(const Subject& subject) const {
  const World& world = *world_;
  if (subject.role == "1.root") return std::make_unique<EmbeddedRootJudge>(world);
  if (subject.role == "d1" || subject.role == "d2") {
    return std::make_unique<SessionJudge<TargetSearch>>(
        world, subject, TargetSearch::start(*world.trusted, *metadata::TargetPath::parse(kTarget), world.rules));
  }
  return std::make_unique<SessionJudge<RefreshSession>>(
      world, subject, *RefreshSession::start(world.embedded_root, world.floors, world.rules));
}

MutationTotals& MutationTotals::operator+=(const MutationTotals& other) {
  mutants += other.mutants;
  refused += other.refused;
  same_meaning += other.same_meaning;
  wrong.insert(wrong.end(), other.wrong.begin(), other.wrong.end());
  return *this;
}

MutationTotals judge_mutants(const MutationTrial::Subject& subject, MutationJudge& judge, std::size_t first,
                             std::size_t count) {
  const std::size_t all = subject.mutations.count();
  std::size_t stride = all * 618 / 1000;  // a step without common factor visits every mutant once
  while (std::gcd(stride, all) != 1) ++stride;
  MutationTotals totals;
  for (std::size_t i = first; i < first + count; ++i) {
    const std::size_t index = i * stride % all;
    ++totals.mutants;
    switch (judge.judge(subject.mutations.make(index))) {
      case MutantVerdict::kRefused: ++totals.refused; break;
      case MutantVerdict::kSameMeaning: ++totals.same_meaning; break;
      case MutantVerdict::kWrong:
        totals.wrong.push_back((subject.stored ? "stored " : "") + subject.role + ": " +
                               subject.mutations.describe(index));
        break;
    }
  }
  return totals;
}

}  // namespace tenon::tests
