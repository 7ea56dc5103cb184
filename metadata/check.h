// TENON_CHECK: a broken invariant is a bug of ours, so it ends the process, in release builds too. Never for input.
#pragma once

#include <cstdio>
#include <cstdlib>

#define TENON_CHECK(condition)                                                               \
  do {                                                                                       \
    if (!(condition)) [[unlikely]] {                                                         \
      std::fprintf(stderr, "%s:%d: invariant broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
