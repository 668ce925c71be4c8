// The module that Python imports, its list of instruction sets and its table of cells.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "isas.hpp"  // made by CMake

namespace skrnn {

#define SKRNN_DECLARE(name, runs) \
  namespace name {                \
  extern const Isa isa;           \
  }
SKRNN_ISAS(SKRNN_DECLARE)

// Those that this processor has, the fastest first.
static std::vector<const Isa*> supported() {
  std::vector<const Isa*> isas;
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
#define SKRNN_ADD(name, runs) \
  if (runs) isas.push_back(&name::isa);
  SKRNN_ISAS(SKRNN_ADD)
  std::reverse(isas.begin(), isas.end());
  return isas;
}

std::atomic<const Isa*> in_use = supported().front();

namespace {

void use(const std::string& name) {
  for (const Isa* isa : supported())
    if (name == isa->name) {
      in_use = isa;
      return;
    }
  refuse("name is '" + name + "', but this processor or build has no such kernels.");
}

// Name -> (number, gates, slots, extra weights, whether there is a memory).
nb::dict cells() {
  const Isa* isa = in_use;
  nb::dict table;
  for (int i = 0; i < isa->n_cells; ++i) {
    const CellInfo& cell = isa->cells[i];
    table[cell.name] =
        nb::make_tuple(i, cell.gates, cell.slots, cell.extra, cell.memory);
  }
  return table;
}

}  // namespace
}  // namespace skrnn

NB_MODULE(_compiled, m) {
  m.def("isa", [] { return skrnn::in_use.load()->name; });
  m.def("supported", [] {
    std::vector<std::string> names;
    for (const skrnn::Isa* isa : skrnn::supported()) names.push_back(isa->name);
    return names;
  });
  m.def("use", skrnn::use, "name"_a);
  m.def("cells", skrnn::cells);
  skrnn::bind_recurrences(m);
  skrnn::bind_products(m);
  skrnn::bind_training(m);
}
