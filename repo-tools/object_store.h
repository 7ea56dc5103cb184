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

  // read gives a whole object, nothing when there is none.
  // Errors of each: E_NET when the store does not answer or answers nonsense, E_AUTH when it refuses the key, E_USAGE when
  // there is no such place; here E_LIMIT above max_bytes.
  virtual Result<std::optional<Bytes>> read(const std::string& name, std::size_t max_bytes) = 0;

  // compare says what lies under a name, without reading a large object that create() has written.
  enum class Presence { kAbsent, kSame, kOther };
  virtual Result<Presence> compare(const std::string& name, const metadata::FileIdentity& identity) = 0;

  // create writes under a free name, for ever, and says whether it did; a name that is taken stays as it is. A store
  // without conditional writes is asked right before each try.
  // Errors: E_MISMATCH when the content is not what it is said to be; E_STORAGE when it cannot be read; E_LIMIT.
  struct Content {
    std::variant<Bytes, std::filesystem::path> from;
    metadata::FileIdentity identity;
  };
  virtual Result<bool> create(const std::string& name, const Content& content) = 0;

  // replace writes in place of an object of these bytes; without them, under a free name. False: something else is there
  // and stays. A store without conditional writes is asked right before each try.
  virtual Result<bool> replace(const std::string& name, const Bytes& content, const std::optional<Bytes>& old) = 0;
};

}  // namespace tenon::repo_tools
