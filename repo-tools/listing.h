// Listing: the releases and channels of a product, drafts included.
#pragma once

#include <tenon/repo_tools/catalog.h>

#include <string>
#include <vector>

namespace tenon::repo_tools {

struct Listing {
  policies::Label product;
  std::vector<ListedRelease> releases = {};  // lowest sequence first
  std::vector<policies::Channel> channels = {};

  std::string to_text() const;
  json::Value to_json() const;
};

// list_product Errors: those of listed_releases and listed_channels.
Result<Listing> list_product(const Repository& repository, const policies::Label& product);

}  // namespace tenon::repo_tools
