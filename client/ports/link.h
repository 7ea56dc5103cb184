// Link: the way to the sources, as far as its price matters.
#pragma once

namespace tenon::client {

class Link {
 public:
  virtual ~Link() = default;
  // is_metered is true when what is fetched costs by the byte just now.
  virtual bool is_metered() = 0;
};

}  // namespace tenon::client
