#include <malloc.h>

#include <string_view>

#include "cli/app.h"
#include "stress/heap_lab.h"

int main(int argc, char** argv) {
  const std::span<char* const> arguments(argv, argv + argc);
  if (stress::is_heap_lab(arguments)) {
    return stress::heap_lab(arguments);  // before anything of ours is on the heap
  }
  // The heap grows in few steps: brk(2) is dear in an emulated guest. A workload's heap is as glibc has it: it may be
  // what is looked at.
  if (argc < 2 || std::string_view(argv[1]) != "workload") {
    (void)::mallopt(M_TOP_PAD, 1 << 20);
  }
  return cli::run_app(arguments);
}
