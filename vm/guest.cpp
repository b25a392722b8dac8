#include <cstdlib>

#include "vm/vm.h"

namespace vm {

bool is_guest_init() {
  return false;
}
void guest_main() {
  std::abort();
}

}  // namespace vm
