#pragma once

#include <string>
#include <vector>

#include "cli/experiment.h"
#include "cli/options.h"

namespace cli {

// An experiment as the arguments of the hidden command `experiment`, which is what the host side of the micro-VM asks
// the guest's oomlab to run: bytes survive, whatever they are. bind_experiment() reads back what to_arguments() writes;
// both are in one file so that they agree.
std::vector<std::string> to_arguments(const Experiment& experiment);
void bind_experiment(Options& options, Experiment& experiment);

}  // namespace cli
