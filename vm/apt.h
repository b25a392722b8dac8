#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vm {

inline constexpr std::string_view kImagePackagePrefix = "linux-image-";

// apt-get and apt-cache as an ordinary user: the machine's own package lists as they are, or (after update()) private
// ones in the cache. Nothing is installed.
class Apt {
 public:
  // The machine's own lists as they are, or (after update()) private ones.
  static base::Result<Apt> create(const std::optional<std::string>& mirror, const std::vector<std::string>& suites);
  // Reads the sources' package lists into the cache folder; from now on these are used.
  base::Result<> update();
  // Names of all packages that begin with kImagePackagePrefix.
  [[nodiscard]] base::Result<std::vector<std::string>> image_packages() const;
  // Downloads the package files, verified, into the folder.
  [[nodiscard]] base::Result<> download(const std::vector<std::string>& packages,
                                        const std::filesystem::path& folder) const;

 private:
  explicit Apt(std::filesystem::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::vector<std::string> command(const std::filesystem::path& working_folder,
                                                 std::string_view program) const;
  std::filesystem::path folder_;
  std::vector<std::string> settings_{"-oDir::State::status=/dev/null", "-oAPT::Sandbox::User=root",
                                     "-oAcquire::Retries=3", "-oAPT::Architecture=amd64"};
};

// Lines of sources.list for a Debian mirror, its signatures checked against Debian's keyring; a suite "NAME-security"
// lives beside it, in "...-security".
std::string mirror_sources(std::string_view mirror, const std::vector<std::string>& suites);

}  // namespace vm
