// Locked memory: reclaim and swap cannot take it, so swap does not help against it.
#include "stress/anonymous.h"

namespace stress::workloads {
namespace {

base::Result<> run_anon_mlock(Context& context) {
  return fill_anonymous(context, "unevictable", AnonymousPool::Pages::small, AnonymousPool::Locked::yes);
}

}  // namespace

extern const Workload anon_mlock;
constinit const Workload anon_mlock{
    .summary = "fills with anonymous memory that is locked",
    .group = Group::kernel,
    .counter = "unevictable",
    .kind = "mlock",
    .seen = "unevictable follows the fill; swap stays empty although there is some",
    .needs = "root, or a limit of locked memory above the size (ulimit -l)",
    .source = "mlock(2), Documentation/mm/unevictable-lru.rst",
    .example = "oomlab stress anon-mlock --memory-max 64M --swap-max 64M",
    .parameters = kAnonymousGrowth,
    .run = run_anon_mlock,
};

}  // namespace stress::workloads
