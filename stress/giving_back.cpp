#include "stress/giving_back.h"

#include <sys/mman.h>

#include <map>
#include <string>

#include "stress/anonymous.h"
#include "stress/drive.h"
#include "stress/process_memory.h"

namespace stress {
namespace {

void note(const Context& context, std::string_view step) {
  note_memory(context, step, {"Rss", "LazyFree"});
  note_counters(context, step, {"anon"});
  for (const std::string_view events : {"pglazyfree", "pglazyfreed"}) {
    if (const auto pages = context.meter.read(events)) {
      context.note(step, events, static_cast<double>(*pages), "pages");
    }
  }
}

base::Result<std::unique_ptr<AnonymousPool>> filled(const Context& context, std::uint64_t size) {
  TRY_ASSIGN(const auto parameters, Parameters::check(kAnonymousGrowth, {{"chunk", context.parameters.text("chunk")}}));
  TRY_ASSIGN(auto pool, AnonymousPool::create(parameters));
  const auto chunk = round_up(std::max<std::uint64_t>(parameters.size("chunk"), 1), pool->unit());
  for (std::uint64_t done = 0; done < size; done += chunk) {
    TRY(pool->grow(std::min(chunk, round_up(size - done, pool->unit()))));
  }
  return pool;
}

}  // namespace

base::Result<> fill_and_give_back(const Context& context, int advice) {
  const double between = context.parameters.seconds("hold");
  const auto size = context.parameters.size("size");
  note(context, "start");
  TRY_ASSIGN(const auto pool, filled(context, size));
  note(context, "filled");
  hold(between);
  for (std::uint64_t done = 0; done < pool->held();) {
    const auto range = pool->at(done, pool->held() - done);
    if (::madvise(range.data(), range.size(), advice) != 0) {
      return base::system_error("madvise");
    }
    done += range.size();
  }
  note(context, "given back");
  hold(between);
  TRY_ASSIGN(const auto pressure, filled(context, context.parameters.size("pressure")));
  note(context, "pressed");
  hold(between);
  return {};
}

}  // namespace stress
