// ObjectStore: a place from which a repository is served and that is written object by object over a network, as a bucket
// is. What it says is believed by nobody: devices verify what they get, and we compare. Names are those of public/:
// "metadata/timestamp.json".
// Thread: safe, so that many small objects can be on their way at once.
#pragma once

#include <tenon/metadata/envelope.h>

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

namespace tenon::repo_tools {

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // address tells people which place this is, without credentials: "s3://updates/prod".
  virtual std::string address() const = 0;

  // read gives a whole object, nothing when there is none; the tag changes with the content.
  // Errors of each: E_NET when the store does not answer or answers nonsense, E_AUTH when it refuses the key; here E_LIMIT
  // above max_bytes.
  struct Object {
    Bytes content;
    std::string tag;
  };
  virtual Result<std::optional<Object>> read(const std::string& name, std::size_t max_bytes) = 0;

  // identify gives what an object of any size is, nothing when there is none.
  virtual Result<std::optional<metadata::FileIdentity>> identify(const std::string& name) = 0;

  // create writes under a free name, for ever. False: the name is taken, by whatever bytes.
  // Errors: E_MISMATCH when the content is not what it is said to be; E_STORAGE when it cannot be read; E_LIMIT.
  struct Content {
    std::variant<Bytes, std::filesystem::path> from;
    metadata::FileIdentity identity;
  };
  virtual Result<bool> create(const std::string& name, const Content& content) = 0;

  // replace writes in place of the object that has this tag; without one, under a free name. False: another object is
  // there, and stays. A store that cannot compare is asked right before.
  virtual Result<bool> replace(const std::string& name, const Bytes& content,
                               const std::optional<std::string>& tag) = 0;
};

}  // namespace tenon::repo_tools
