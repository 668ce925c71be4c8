// The compiled cells: a line each.
#pragma once

#include "cell.hpp"
// one line each
#include "gru.hpp"
#include "gru_reset_before.hpp"
#include "gru_update_only.hpp"
#include "lstm.hpp"
#include "lstm_peephole.hpp"
#include "rnn.hpp"

namespace skrnn {
namespace SKRNN_ISA {

constexpr int kNumCells = __COUNTER__ - kCounterStart;

struct CellTable {
  CellInfo cells[kNumCells];
};

template <int I = 0>
constexpr void describe(CellTable& table) {
  if constexpr (I < kNumCells) {
    using C = typename CellAt<I>::type;
    table.cells[I] = {C::name, C::gates, C::slots, C::extra, C::memory};
    describe<I + 1>(table);
  }
}

constexpr CellTable make_cell_table() {
  CellTable table{};
  describe(table);
  return table;
}

constexpr CellTable kCells = make_cell_table();

// Calls f with the cell of a number: f(CellAt<3>{}).
template <int I = 0, class F>
void with_cell(int number, const F& f) {
  if constexpr (I < kNumCells) {
    if (number == I) return f(CellAt<I>{});
    with_cell<I + 1>(number, f);
  }
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
