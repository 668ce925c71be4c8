// The forward and backward pass of layers, for Python.
#include "bindings.hpp"

namespace skrnn {
namespace {

// Returns the cell, and sets the shape of a layer whose outputs are h.
template <class T, class Outputs>
const CellInfo& check_layer(int cell, const Outputs& h, const Ints& sizes,
                            const In<T>& U, const In<T>& w, const Maybe<In<T>>& h0,
                            const Maybe<In<T>>& c0, Shape& shape) {
  const Isa* isa = in_use;
  if (cell < 0 || cell >= isa->n_cells)
    refuse("cell is " + std::to_string(cell) +
           ", but must be at least 0 and less than " + std::to_string(isa->n_cells) +
           ".");
  const CellInfo& info = isa->cells[cell];
  check_ndim("h", h, 3);
  const int64_t D = size(h, 0), N = size(h, 1), H = size(h, 2);
  check_positive("the number of directions of h", D);
  check_positive("the number of units of h", H);
  check_sizes(sizes, N);
  const int64_t B = sizes.data()[0];
  check_shape("U", U, {D, H, info.gates * H});
  check_shape("w", w, {D, info.extra, H});
  check_shape("h0", h0, {D, B, H});
  if (!info.memory) check_given("c0", c0, false);
  check_shape("c0", c0, {D, B, H});
  shape = {D, N, B, size(sizes, 0), H};
  return info;
}

template <class T>
void forward(int cell, const In<T>& z, const Maybe<Ints>& rows, const In<T>& U,
             const In<T>& w, const Ints& sizes, const Maybe<In<T>>& h0,
             const Maybe<In<T>>& c0, const Out<T>& h, const Out<T>& h_last,
             const Maybe<Out<T>>& c_last, const Maybe<Out<T>>& saved, int n_threads) {
  check_positive("n_threads", n_threads);
  ForwardArgs<T> args;
  const CellInfo& info = check_layer<T>(cell, h, sizes, U, w, h0, c0, args.shape);
  const auto& [D, N, B, n_steps, H] = args.shape;
  check_ndim("z", z, 3);
  const int64_t n_inputs = rows ? size(z, 1) : N;
  check_shape("z", z, {D, n_inputs, info.gates * H});
  check_shape("rows", rows, {D, N});
  if (rows) check_range("rows", *rows, 0, n_inputs);  // of all directions alike
  check_contiguous("h", h);
  check_output("h_last", h_last, {D, B, H});
  check_given("c_last", c_last, info.memory);
  check_output("c_last", c_last, {D, B, H});
  check_output("saved", saved, {D, N, info.slots * H});
  args.sizes = sizes.data();
  args.z = z.data();
  args.n_inputs = n_inputs;
  args.rows = data(rows);
  args.U = U.data();
  args.w = w.data();
  args.h0 = data(h0);
  args.c0 = data(c0);
  args.h = h.data();
  args.h_last = h_last.data();
  args.c_last = data(c_last);
  args.saved = data(saved);
  nb::gil_scoped_release released;
  kernels<T>().forward(cell, args, n_threads);
}

template <class T>
void backward(int cell, const In<T>& dh, const In<T>& h, const Maybe<In<T>>& saved,
              const Maybe<In<T>>& h0, const Maybe<In<T>>& c0, const In<T>& U,
              const In<T>& w, const Ints& sizes, const Out<T>& dz, const Out<T>& dU,
              const Out<T>& dw, const Maybe<Out<T>>& db, const Out<T>& dh_first,
              const Maybe<Out<T>>& dc_first, bool to_first, int n_threads) {
  check_positive("n_threads", n_threads);
  BackwardArgs<T> args;
  const CellInfo& info = check_layer<T>(cell, h, sizes, U, w, h0, c0, args.shape);
  const auto& [D, N, B, n_steps, H] = args.shape;
  check_shape("dh", dh, {D, N, H});
  check_given("saved", saved, info.slots > 0);
  check_shape("saved", saved, {D, N, info.slots * H});
  check_output("dz", dz, {D, N, info.gates * H});
  check_output("dU", dU, {D, H, info.gates * H});
  check_output("dw", dw, {D, info.extra, H});
  check_output("db", db, {D, info.gates * H});
  check_output("dh_first", dh_first, {D, B, H});
  check_given("dc_first", dc_first, info.memory);
  check_output("dc_first", dc_first, {D, B, H});
  args.sizes = sizes.data();
  args.dh = dh.data();
  args.h = h.data();
  args.saved = data(saved);
  args.h0 = data(h0);
  args.c0 = data(c0);
  args.U = U.data();
  args.w = w.data();
  args.dz = dz.data();
  args.da = nullptr;
  args.dU = dU.data();
  args.dw = dw.data();
  args.db = data(db);
  args.dh_first = dh_first.data();
  args.dc_first = data(dc_first);
  args.to_first = to_first;
  nb::gil_scoped_release released;
  kernels<T>().backward(cell, args, n_threads);
}

template <class T>
void bind(nb::module_& m) {
  m.def("forward", forward<T>, "cell"_a, "z"_a, "rows"_a.none(), "U"_a, "w"_a,
        "sizes"_a, "h0"_a.none(), "c0"_a.none(), out("h"), out("h_last"),
        out("c_last").none(), out("saved").none(), "n_threads"_a);
  m.def("backward", backward<T>, "cell"_a, "dh"_a, "h"_a, "saved"_a.none(),
        "h0"_a.none(), "c0"_a.none(), "U"_a, "w"_a, "sizes"_a, out("dz"), out("dU"),
        out("dw"), out("db").none(), out("dh_first"), out("dc_first").none(),
        "to_first"_a, "n_threads"_a);
}

}  // namespace

void bind_recurrences(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace skrnn
