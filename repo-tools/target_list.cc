#include <tenon/metadata/hex.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/target_list.h>
#include <tenon/repo_tools/target_name.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::DelegatedRole;
using metadata::TargetEntry;
using metadata::TargetPath;
using metadata::Targets;
using metadata::UtcTime;

constexpr std::size_t kMaxLineBytes = 8192;      // of a manifest; a path has up to 4096
constexpr std::size_t kMostLines = 100'000'000;  // 24 bytes of memory each

// Shelves say in which role a path belongs: the role itself, or one of its bins, which go by their numbers.
class Shelves {
 public:
  static Result<Shelves> of(const RoleTree& tree, const RoleId& role) {
    Shelves shelves(role);
    if (const std::optional<RoleTree::Way> way = tree.way_to(role)) shelves.paths_ = way->edge.paths;
    const Targets* delegator = tree.delegator(role);
    if (delegator == nullptr) return shelves;
    shelves.bins_ = delegator->delegations->bins;
    for (const DelegatedRole& one : delegator->delegations->roles) {
      if (!one.paths.hash_prefixes) continue;
      for (const std::string& prefix : *one.paths.hash_prefixes) {
        shelves.by_prefix_.emplace_back(prefix, shelves.listed_.size());
      }
      shelves.listed_.push_back(RoleId::of(one.name));
    }
    std::ranges::sort(shelves.by_prefix_);
    return shelves;
  }

  // number_of Errors: E_POLICY for a path that the role may not speak for, or with a name that we do not publish.
  Result<std::uint64_t> number_of(const TargetPath& path) const {
    TENON_TRY_VOID(check_name_is_portable(path.text()));
    TENON_TRY(const bool allowed, paths_ ? paths_->contains(path) : Result<bool>(true));
    if (!allowed) {
      return Error{ErrorCode::kPolicy, printable(role_.text()) + " may not speak for " + printable(path.text()),
                   "tenon-repo delegation list says which paths it may speak for"};
    }
    if (bins_) return bins_->number_of(path);
    if (by_prefix_.empty()) return std::uint64_t{0};
    const std::string hex = Sha256::of(as_bytes(path.text())).hex();
    auto after = std::ranges::upper_bound(by_prefix_, hex, {}, &std::pair<std::string, std::size_t>::first);
    if (after == by_prefix_.begin() || !hex.starts_with((--after)->first)) return std::uint64_t{listed_.size()};
    return std::uint64_t{after->second};
  }

  // count is that of the roles, which are numbered from 0.
  std::uint64_t count() const { return bins_ ? bins_->count() : listed_.size() + 1; }
  RoleId role(std::uint64_t number) const {
    if (bins_) return RoleId::of(bins_->bin(number).name);
    return by_prefix_.empty() || number == listed_.size() ? role_ : listed_[number];
  }

 private:
  explicit Shelves(RoleId role) : role_(std::move(role)) {}
  RoleId role_;
  std::optional<metadata::PathSet> paths_;  // absent: all
  std::optional<metadata::SuccinctRoles> bins_;
  std::vector<RoleId> listed_;
  std::vector<std::pair<std::string, std::size_t>> by_prefix_;
};

// Items are sorted by where they belong, so that each role is read and drafted once.
struct Item {
  std::uint64_t shelf;
  std::uint64_t at;     // what it is: the caller knows
  std::uint64_t bytes;  // to read for it
  auto operator<=>(const Item&) const = default;
};

enum class Changed { kNothing, kAdded, kReplaced, kRemoved };
using Apply = std::function<Result<Changed>(const Item& item, Targets& targets)>;

Changed set_entry(Targets& targets, const TargetPath& path, const TargetEntry& entry) {
  const auto [place, is_new] = targets.targets.try_emplace(path.text(), entry);
  if (is_new) return Changed::kAdded;
  if (place->second == entry) return Changed::kNothing;
  place->second = entry;
  return Changed::kReplaced;
}

Result<TargetsChanged> apply_all(const Repository& repository, FileWriter& writer, const Shelves& shelves,
                                 std::vector<Item> items, const Apply& apply, UtcTime now, Progress& progress) {
  std::ranges::sort(items);
  TargetsChanged changed;
  std::uint64_t done = 0;
  const std::uint64_t total = std::accumulate(items.begin(), items.end(), done,
                                              [](std::uint64_t sum, const Item& item) { return sum + item.bytes; });
  Progress& shown = if_worth_showing(progress, total);
  shown.begin("list targets", total);
  ManyFiles many(writer);
  for (auto item = items.begin(); item != items.end();) {
    const RoleId role = shelves.role(item->shelf);
    TENON_TRY(Targets targets, repository.newest_targets(role));
    bool any = false;
    for (const std::uint64_t shelf = item->shelf; item != items.end() && item->shelf == shelf; ++item) {
      TENON_TRY(const Changed one, apply(*item, targets));
      shown.advance(done += item->bytes);
      any |= one != Changed::kNothing;
      changed.added += one == Changed::kAdded ? 1 : 0;
      changed.replaced += one == Changed::kReplaced ? 1 : 0;
      changed.removed += one == Changed::kRemoved ? 1 : 0;
      changed.unchanged += one == Changed::kNothing ? 1 : 0;
    }
    if (!any) continue;
    TENON_TRY(Draft draft, write_draft(repository, writer, role, std::move(targets),
                                       repository.settings().expiry.of(role).after(now)));
    changed.drafts.push_back(std::move(draft));
  }
  shown.end();
  TENON_TRY_VOID(many.finish());
  return changed;
}

// Nothing is left out without a word: what is no file, and what leads elsewhere, is refused.
Result<std::vector<fs::path>> files_below(const fs::path& source) {
  std::vector<fs::path> files;
  std::error_code error;
  const fs::file_status kind = fs::symlink_status(source, error);
  if (fs::is_regular_file(kind)) return std::vector<fs::path>{source};
  if (fs::exists(kind) && !fs::is_directory(kind)) {
    return Error{ErrorCode::kPolicy, printable(source.native()) + ": is neither a file nor a folder"};
  }
  for (fs::recursive_directory_iterator at(source, error), end; !error && at != end; at.increment(error)) {
    const fs::file_status status = at->symlink_status(error);
    if (fs::is_directory(status)) continue;
    if (!fs::is_regular_file(status)) {
      return Error{ErrorCode::kPolicy, printable(at->path().native()) + ": is neither a file nor a folder",
                   "take it out of the folder, or put the file in its place"};
    }
    files.push_back(at->path());
  }
  if (error) return storage_error(source, "cannot list it", error.value());
  return files;
}

struct ManifestLine {
  TargetPath path;
  TargetEntry entry;

  // "SHA256 LENGTH PATH"
  static Result<ManifestLine> parse(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first == line.npos ? first : first + 1);
    const std::optional<Bytes> digest = from_hex(line.substr(0, std::min(first, line.size())));
    std::uint64_t length = 0;
    if (second == line.npos || !digest || digest->size() != sizeof(Sha256::bytes)) return wrong(line);
    const std::string_view number = line.substr(first + 1, second - first - 1);
    const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), length);
    if (failed != std::errc() || end != number.data() + number.size() || number.empty()) return wrong(line);
    if (length > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return wrong(line);
    TENON_TRY(TargetPath path, TargetPath::parse(line.substr(second + 1)));
    Sha256 sha256;
    std::ranges::copy(*digest, sha256.bytes.begin());
    return ManifestLine{std::move(path), target_entry(length, sha256)};
  }

 private:
  static Error wrong(std::string_view line) {
    return {ErrorCode::kParse, "\"" + printable(line, 120) + "\" is not SHA256 LENGTH PATH"};
  }
};

// Manifest is read twice: once to see where each line belongs, then line by line in that order.
class Manifest {
 public:
  static Result<Manifest> open(const fs::path& file) {
    Manifest manifest(file);
    if (!manifest.stream_) return storage_error(file, "cannot open it", errno);
    return manifest;
  }

  Result<std::vector<Item>> sort_by(const Shelves& shelves) {
    std::vector<Item> items;
    std::uint64_t at = 0;
    std::size_t number = 1;
    for (auto line = next_line(); line; line = next_line(), ++number) {
      const auto bytes = static_cast<std::uint64_t>(stream_.gcount());
      if (!line->empty()) {
        const Result<ManifestLine> read = ManifestLine::parse(*line);
        const Result<std::uint64_t> shelf = read ? shelves.number_of(read->path) : Result<std::uint64_t>(read.error());
        if (!shelf) return Error(shelf.error()).context(place(number));
        items.push_back({*shelf, at, bytes});
      }
      at += bytes;
      if (items.size() > kMostLines)
        return Error{ErrorCode::kLimit, place(number) + ": more lines than are read at once"};
    }
    if (!stream_.eof()) return Error{ErrorCode::kLimit, printable(file_.native()) + ": a line of more than 8192 bytes"};
    stream_.clear();
    return items;
  }

  // line_at reads a line again, which must belong where it did.
  Result<ManifestLine> line_at(const Item& item, const Shelves& shelves) {
    stream_.seekg(static_cast<std::streamoff>(item.at));
    const std::optional<std::string_view> text = next_line();
    const Result<ManifestLine> line =
        text ? ManifestLine::parse(*text) : Result<ManifestLine>(storage_error(file_, "cannot read it", EIO));
    const Result<std::uint64_t> shelf = line ? shelves.number_of(line->path) : Result<std::uint64_t>(line.error());
    if (shelf && *shelf == item.shelf) return line;
    return Error{ErrorCode::kStorage,
                 printable(file_.native()) + ": was changed while it was being read, or is no file",
                 "give a file that nobody writes to"};
  }

 private:
  explicit Manifest(const fs::path& file) : file_(file), stream_(file, std::ios::binary), line_(kMaxLineBytes + 1) {}
  // next_line lives until the next call; a zero byte in it is a character like others.
  std::optional<std::string_view> next_line() {
    if (!stream_.getline(line_.data(), static_cast<std::streamsize>(line_.size()))) return std::nullopt;
    const auto read = static_cast<std::size_t>(stream_.gcount());
    return std::string_view(line_.data(), stream_.eof() ? read : read - 1);
  }
  std::string place(std::size_t line) const { return printable(file_.native()) + ", line " + std::to_string(line); }

  fs::path file_;
  std::ifstream stream_;
  std::vector<char> line_;
};

// A role whose files other servers have, for which publishing does not look.
Result<void> mark_served_elsewhere(const Repository& repository, FileWriter& writer, const RoleId& role) {
  Settings settings = repository.settings();
  if (!settings.served_elsewhere.insert(role.text()).second) return {};
  return writer.put(repository.settings_file(), as_bytes(settings.to_text()));
}

// The roles in which the targets of a role may be.
class Place {
 public:
  static Result<Place> of(const Repository& repository, const RoleId& role) {
    TENON_TRY(const RoleTree tree, RoleTree::read(repository));
    if (!tree.may_list(role)) {
      return Error{ErrorCode::kUsage, printable(role.text()) + " lists no targets that a client would find",
                   "tenon-repo delegation list"};
    }
    if (tree.is_of_product(role)) {
      return Error{ErrorCode::kPolicy, printable(role.text()) + " is a role of a product",
                   "tenon-repo release and tenon-repo channel say what it lists"};
    }
    TENON_TRY(Shelves shelves, Shelves::of(tree, role));
    return Place{std::move(shelves), tree.is_served_elsewhere(role)};
  }

  // require_kept_here and require_elsewhere keep a role's files in one place: were they in two, nobody could tell what is
  // missing. Errors: E_POLICY.
  Result<void> require_kept_here(const RoleId& role) const {
    if (!is_elsewhere) return {};
    return Error{ErrorCode::kPolicy,
                 "the files of " + printable(role.text()) + " are served elsewhere: it has a manifest",
                 "make another role for files that are kept here"};
  }
  Result<void> require_elsewhere(const Repository& repository, const RoleId& role) const {
    if (is_elsewhere) return {};
    for (std::uint64_t shelf = 0; shelf < shelves.count(); ++shelf) {
      TENON_TRY(const Targets targets, repository.newest_targets(shelves.role(shelf)));
      if (targets.targets.empty()) continue;
      return Error{ErrorCode::kPolicy, "the files of " + printable(role.text()) + " are kept here",
                   "make another role for files that are served elsewhere"};
    }
    return {};
  }

  Shelves shelves;
  bool is_elsewhere;
};

}  // namespace

Result<TargetsChanged> add_target_files(const Repository& repository, FileWriter& writer, const RoleId& role,
                                        const fs::path& source, const std::string& prefix, UtcTime now,
                                        Progress& progress) {
  TENON_TRY(const Place place, Place::of(repository, role));
  TENON_TRY_VOID(place.require_kept_here(role));
  TENON_TRY(const std::vector<fs::path> files, files_below(source));
  const auto path_of = [&](const fs::path& file) {
    const bool is_alone = file == source;
    return TargetPath::parse(prefix + (is_alone ? file.filename() : file.lexically_relative(source)).generic_string());
  };
  std::vector<Item> items;
  for (std::size_t i = 0; i < files.size(); ++i) {
    TENON_TRY(const TargetPath path, path_of(files[i]));
    TENON_TRY(const std::uint64_t shelf, place.shelves.number_of(path));
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(files[i], error);
    if (error) return storage_error(files[i], "cannot read it", error.value());
    items.push_back({shelf, i, bytes});
  }
  const auto apply = [&](const Item& item, Targets& targets) -> Result<Changed> {
    TENON_TRY(const TargetPath path, path_of(files[item.at]));
    TENON_TRY(const Sha256 sha256, digest_file(files[item.at]));
    std::error_code error;
    const std::uint64_t length = fs::file_size(files[item.at], error);
    if (error) return storage_error(files[item.at], "cannot read it", error.value());
    const TargetEntry entry = target_entry(length, sha256);
    const TargetEntry* const there = targets.find(path);
    if (there != nullptr && *there == entry) return Changed::kNothing;
    TENON_TRY_VOID(writer.copy_new(files[item.at], repository.staged_target(path.hash_prefixed(sha256.hex())), sha256));
    return set_entry(targets, path, entry);
  };
  return apply_all(repository, writer, place.shelves, std::move(items), apply, now, progress);
}

Result<TargetsChanged> add_target_manifest(const Repository& repository, FileWriter& writer, const RoleId& role,
                                           const fs::path& file, UtcTime now, Progress& progress) {
  TENON_TRY(const Place place, Place::of(repository, role));
  TENON_TRY(Manifest manifest, Manifest::open(file));
  TENON_TRY(std::vector<Item> items, manifest.sort_by(place.shelves));
  TENON_TRY_VOID(place.require_elsewhere(repository, role));
  std::set<std::string> seen;  // in the list that is at hand
  std::optional<std::uint64_t> shelf;
  const auto apply = [&](const Item& item, Targets& targets) -> Result<Changed> {
    TENON_TRY(const ManifestLine line, manifest.line_at(item, place.shelves));
    if (shelf != item.shelf) seen.clear();
    shelf = item.shelf;
    if (seen.insert(line.path.text()).second) return set_entry(targets, line.path, line.entry);
    return Error{ErrorCode::kParse, printable(file.native()) + ": lists " + printable(line.path.text()) + " twice"};
  };
  // Before the lists: publishing looks for no file that was listed, even if the rest comes to nothing.
  if (!items.empty()) TENON_TRY_VOID(mark_served_elsewhere(repository, writer, role));
  return apply_all(repository, writer, place.shelves, std::move(items), apply, now, progress);
}

Result<TargetsChanged> remove_targets(const Repository& repository, FileWriter& writer, const RoleId& role,
                                      const std::vector<std::string>& paths, UtcTime now) {
  TENON_TRY(const Place place, Place::of(repository, role));
  std::vector<Item> items;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    TENON_TRY(const TargetPath path, TargetPath::parse(paths[i]));
    TENON_TRY(const std::uint64_t shelf, place.shelves.number_of(path));
    items.push_back({shelf, i, 0});
  }
  for (const Item& item : items) {  // all or none
    TENON_TRY(const Targets targets, repository.newest_targets(place.shelves.role(item.shelf)));
    if (targets.targets.contains(paths[item.at])) continue;
    return Error{ErrorCode::kUsage, printable(paths[item.at]) + " is not listed by " + printable(role.text())};
  }
  const auto apply = [&](const Item& item, Targets& targets) -> Result<Changed> {
    return targets.targets.erase(paths[item.at]) == 1 ? Changed::kRemoved : Changed::kNothing;
  };
  NoProgress silence;
  return apply_all(repository, writer, place.shelves, std::move(items), apply, now, silence);
}

}  // namespace tenon::repo_tools
