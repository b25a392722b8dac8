#pragma once

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"

namespace forensics {

// The golden file's text; with UPDATE_GOLDEN=1 it is written first, for `git diff` to be read.
inline std::string golden(const std::string& name, const std::string& produced) {
  const auto path = std::string(OOMLAB_SOURCE_DIR "/tests/golden/") + name;
  const char* update = std::getenv("UPDATE_GOLDEN");
  if (update != nullptr && *update == '1') {
    EXPECT_TRUE(base::write_file_atomic(path, produced));
  }
  return base::read_all(path).value_or("(no such golden file: run with UPDATE_GOLDEN=1)");
}

}  // namespace forensics
