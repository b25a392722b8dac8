#pragma once

#include <string_view>

namespace base {

// One row of a table that cmake/DescriptorTable.cmake generates from a folder: the plugin's name (its file's stem) and
// its descriptor.
template <typename T>
struct Descriptor {
  std::string_view name;
  const T* value;
  const T* operator->() const { return value; }
};

// The row of that name, or nullptr.
template <typename Table>
auto find_descriptor(const Table& table, std::string_view name) -> decltype(&*table.begin()) {
  for (const auto& row : table) {
    if (row.name == name) {
      return &row;
    }
  }
  return nullptr;
}

}  // namespace base
