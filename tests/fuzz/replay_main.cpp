// The fuzz targets without a fuzzer: every file of the folders (or the files) given is run once. So a corpus is a
// regression test under any compiler.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

bool replay(const std::filesystem::path& path) {
  const auto bytes = base::read_all(path);
  if (!bytes) {
    fmt::print(stderr, "{}\n", bytes.error().message);
    return false;
  }
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size());
  // A small input's cuts are inputs too, at up to some twenty places.
  constexpr std::size_t kCuts = 20;
  const auto step = std::max<std::size_t>(7, bytes->size() / kCuts);
  for (std::size_t length = 0; bytes->size() <= 4096 && length < bytes->size(); length += step) {
    const std::string cut = bytes->substr(0, length);
    (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(cut.data()), cut.size());
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      count += replay(argv[i]) ? 1U : 0U;
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) {
        count += replay(entry.path()) ? 1U : 0U;
      }
    }
  }
  fmt::print("{} inputs replayed\n", count);
  return count == 0 ? 1 : 0;  // an empty corpus proves nothing
}
