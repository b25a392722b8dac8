#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/scenario/node.h"

namespace cli::scenario {

// The text of a scenario, parsed: JSON with comments. Its nodes live as long as it does.
class Definition {
 public:
  // An error of kind usage names file, line and column. A name that stands twice in an object is one; so is more than
  // 1 MiB.
  static base::Result<Definition> parse(std::string_view text, std::string_view shown);
  Definition(const Definition& other) = delete;
  Definition& operator=(const Definition& other) = delete;
  Definition(Definition&& other) noexcept;
  Definition& operator=(Definition&& other) noexcept;
  ~Definition();

  [[nodiscard]] Node root() const;
  [[nodiscard]] std::string without_comments() const;  // on one line

 private:
  struct Parsed;
  explicit Definition(std::unique_ptr<Parsed> parsed);

  std::unique_ptr<Parsed> parsed_;
};

}  // namespace cli::scenario
