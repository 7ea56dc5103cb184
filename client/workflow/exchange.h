// What the sans-IO sessions ask of the world and what they are told. A loop of ten lines does the network and the disk:
//
//   for (;;) {
//     TENON_TRY(Step step, session.next());
//     if (std::holds_alternative<Done>(step)) break;
//     TENON_TRY(Reply reply, ask(step));              // cached: store.load(), remote: fetcher.fetch()
//     TENON_TRY(Progress progress, session.feed(reply));
//     if (progress.persist) TENON_TRY_VOID(store.save(*progress.persist));
//   }
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

namespace tenon::client {

// WantCached asks for a metadata file of the trusted store, by name.
struct WantCached {
  std::string file_name;
};

// WantRemote asks for a metadata file of the repository, by its name below metadata/, which stands in a URL as it is. More
// than max_length bytes is an error of the transport (E_LIMIT), not a reply.
struct WantRemote {
  std::string file_name;
  std::size_t max_length = 0;
};

struct Done {};

using Step = std::variant<WantCached, WantRemote, Done>;

// NotFound says that the file is not there: for the network only what the source's rules call so (404). Any other
// failure is no reply: the loop ends with that error and nothing has changed.
struct NotFound {};
using Reply = std::variant<Bytes, NotFound>;

// Persist is a file that was accepted and may be stored, under the name that a later WantCached will use.
struct Persist {
  std::string file_name;
  Bytes content;
};

// Progress is what one reply led to.
struct Progress {
  std::optional<Persist> persist = {};
  std::string warning = {};  // something to tell people, for example a damaged cached file
};

}  // namespace tenon::client
