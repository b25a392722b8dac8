#include <malloc.h>

#include "cli/app.h"

int main(int argc, char** argv) {
  (void)::mallopt(M_TOP_PAD, 1 << 20);  // the heap grows in few steps: brk(2) is dear in an emulated guest
  return cli::run_app({argv, argv + argc});
}
