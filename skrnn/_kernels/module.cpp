// The module that Python imports. nanobind copies inputs that are not C-contiguous or
// of another type, and refuses outputs of another type with a TypeError; shapes, sizes
// and indices are checked here. The lock of the interpreter is released while kernels
// run.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "checks.hpp"
#include "isas.hpp"  // made by CMake
#include "types.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skrnn {

#define SKRNN_DECLARE(name, runs) \
  namespace name {                \
  extern const Isa isa;           \
  }
SKRNN_ISAS(SKRNN_DECLARE)

// Those that this processor has, the fastest first.
std::vector<const Isa*> supported() {
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

namespace {

std::atomic<const Isa*> in_use = supported().front();

template <class T>
const Kernels<T>& kernels() {
  const Isa* isa = in_use;
  if constexpr (sizeof(T) == 4)
    return isa->float32;
  else
    return isa->float64;
}

template <class T>
using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <class T>
using StridedIn = nb::ndarray<const T, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<T, nb::device::cpu>;
template <class T>
using Maybe = std::optional<T>;
using Ints = In<int64_t>;

template <class Array>
auto data(const Maybe<Array>& array) -> decltype(array->data()) {
  return array ? array->data() : nullptr;
}

template <class Array>
int64_t size(const Array& array, size_t axis) {
  return int64_t(array.shape(axis));
}

// --- recurrences
// ----------------------------------------------------------------------

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

// --- products
// -------------------------------------------------------------------------

template <class T>
void matmul(const StridedIn<T>& a, const StridedIn<T>& b, const Out<T>& c, bool add,
            const Maybe<In<T>>& bias, int n_threads) {
  check_positive("n_threads", n_threads);
  check_ndim("a", a, 2);
  check_ndim("b", b, 2);
  const int64_t M = size(a, 0), K = size(a, 1), N = size(b, 1);
  check_shape("b", b, {K, N});
  check_shape("c", c, {M, N});
  const bool strided = (N > 1 && c.stride(1) != 1) || (M > 1 && c.stride(0) < N);
  if (strided && c.size() > 0)
    refuse("c is written to, but its rows are not contiguous: pass a copy.");
  check_shape("bias", bias, {N});
  if (bias && add) refuse("bias must be None where add is true.");
  MatmulArgs<T> args;
  args.a = {a.data(), a.stride(0), a.stride(1)};
  args.b = {b.data(), b.stride(0), b.stride(1)};
  args.c = c.data();
  args.c_stride = c.stride(0);
  args.M = M;
  args.N = N;
  args.K = K;
  args.add = add;
  args.bias = data(bias);
  args.column_sums = nullptr;
  nb::gil_scoped_release released;
  kernels<T>().matmul(args, n_threads);
}

// --- losses
// ---------------------------------------------------------------------------

template <class T>
void softmax_loss(const Out<T>& scores, const Ints& y, const In<T>& weights,
                  const Out<T>& losses, int n_threads) {
  check_positive("n_threads", n_threads);
  check_ndim("scores", scores, 2);
  check_contiguous("scores", scores);
  const int64_t N = size(scores, 0), K = size(scores, 1);
  check_shape("y", y, {N});
  check_range("y", y, INT64_MIN, K);  // below 0: unknown
  check_shape("weights", weights, {N});
  check_output("losses", losses, {N});
  const SoftmaxLossArgs<T> args = {scores.data(), y.data(), weights.data(),
                                   losses.data(), N,        K};
  nb::gil_scoped_release released;
  kernels<T>().softmax_loss(args, n_threads);
}

template <class T>
void ctc_loss(const Out<T>& scores, const Ints& y, const Ints& offsets,
              const Maybe<In<double>>& weights, const Ints& lengths, const Ints& sizes,
              const Out<double>& losses, int n_threads) {
  check_positive("n_threads", n_threads);
  check_ndim("scores", scores, 2);
  check_contiguous("scores", scores);
  const int64_t N = size(scores, 0), K = size(scores, 1);
  check_positive("the number of columns of scores", K);
  check_sizes(sizes, N);
  const int64_t B = sizes.data()[0], n_steps = size(sizes, 0);
  check_shape("lengths", lengths, {B});
  for (int64_t j = 0, t = n_steps; j < B; ++j) {
    while (t > 0 && sizes.data()[t - 1] <= j) --t;  // step t - 1 has sequence j
    if (lengths.data()[j] != t)
      refuse("lengths[" + std::to_string(j) + "] is " +
             std::to_string(lengths.data()[j]) + ", but by sizes the sequence has " +
             std::to_string(t) + " steps.");
  }
  check_ndim("y", y, 1);
  check_offsets("offsets", offsets, B, size(y, 0), 1);
  check_range("y", y, 0, K);
  check_shape("weights", weights, {B});
  check_output("losses", losses, {B});
  CtcLossArgs<T> args;
  args.scores = scores.data();
  args.y = y.data();
  args.offsets = offsets.data();
  args.weights = data(weights);
  args.lengths = lengths.data();
  args.sizes = sizes.data();
  args.losses = losses.data();
  args.B = B;
  args.T_steps = n_steps;
  args.K = K;
  nb::gil_scoped_release released;
  kernels<T>().ctc_loss(args, n_threads);
}

// --- attention
// ------------------------------------------------------------------------

// Arguments but for the weights, of the shapes that Python gave.
template <class T>
AttentionArgs<T> check_attention(const In<T>& q, const In<T>& keys, const In<T>& memory,
                                 const Maybe<In<T>>& v, const Ints& queries,
                                 const Ints& starts, const Ints& lengths,
                                 const Ints& offsets, int64_t n_weights) {
  check_ndim("q", q, 2);
  check_ndim("keys", keys, 2);
  check_ndim("memory", memory, 2);
  const int64_t A = size(q, 1), N = size(keys, 0);
  check_shape("keys", keys, {N, A});
  check_shape("memory", memory, {N, size(memory, 1)});
  check_shape("v", v, {A});
  check_ndim("starts", starts, 1);
  const int64_t B = size(starts, 0);
  check_offsets("queries", queries, B, size(q, 0), 0);
  check_shape("lengths", lengths, {B});
  check_range("starts", starts, 0, N + 1);
  check_range("lengths", lengths, 0, N + 1);
  check_offsets("offsets", offsets, B, n_weights, 0);
  const int64_t *first = queries.data(), *at = offsets.data();
  for (int64_t i = 0; i < B; ++i) {
    const int64_t length = lengths.data()[i];
    if (starts.data()[i] + length > N)
      refuse("lengths[" + std::to_string(i) + "] is " + std::to_string(length) +
             ", but there are only " + std::to_string(N - starts.data()[i]) +
             " rows of the memory from starts[" + std::to_string(i) + "] on.");
    if (at[i + 1] - at[i] != (first[i + 1] - first[i]) * length)
      refuse("offsets[" + std::to_string(i + 1) + "] is " + std::to_string(at[i + 1]) +
             ", but group " + std::to_string(i) +
             " has a weight for each of its queries and rows.");
  }
  AttentionArgs<T> args;
  args.q = q.data();
  args.keys = keys.data();
  args.memory = memory.data();
  args.v = data(v);
  args.queries = queries.data();
  args.starts = starts.data();
  args.lengths = lengths.data();
  args.offsets = offsets.data();
  args.B = B;
  args.A = A;
  args.M = size(memory, 1);
  return args;
}

template <class T>
void attend(const In<T>& q, const In<T>& keys, const In<T>& memory,
            const Maybe<In<T>>& v, const Ints& queries, const Ints& starts,
            const Ints& lengths, const Ints& offsets, const Out<T>& context,
            const Out<T>& weights, int n_threads) {
  check_positive("n_threads", n_threads);
  check_ndim("weights", weights, 1);
  check_contiguous("weights", weights);
  AttentionArgs<T> args = check_attention<T>(q, keys, memory, v, queries, starts,
                                             lengths, offsets, size(weights, 0));
  check_output("context", context, {size(q, 0), args.M});
  args.weights = weights.data();
  nb::gil_scoped_release released;
  kernels<T>().attend(args, context.data(), n_threads);
}

// Groups whose derivatives would be written to the same rows.
void check_disjoint(const Ints& starts, const Ints& lengths, int64_t N) {
  std::vector<bool> taken(N);
  for (size_t i = 0; i < starts.size(); ++i)
    for (int64_t row = starts.data()[i], n = lengths.data()[i]; n > 0; ++row, --n) {
      if (taken[row])
        refuse("starts[" + std::to_string(i) + "] is " +
               std::to_string(starts.data()[i]) +
               ", but another group attends to row " + std::to_string(row) + ", too.");
      taken[row] = true;
    }
}

template <class T>
void attend_backward(const In<T>& dcontext, const In<T>& weights, const In<T>& q,
                     const In<T>& keys, const In<T>& memory, const Maybe<In<T>>& v,
                     const Ints& queries, const Ints& starts, const Ints& lengths,
                     const Ints& offsets, const Out<T>& dq, const Out<T>& dkeys,
                     const Out<T>& dmemory, const Maybe<Out<T>>& dv, int n_threads) {
  check_positive("n_threads", n_threads);
  check_ndim("weights", weights, 1);
  AttentionArgs<T> args = check_attention<T>(q, keys, memory, v, queries, starts,
                                             lengths, offsets, size(weights, 0));
  check_disjoint(starts, lengths, size(keys, 0));
  check_shape("dcontext", dcontext, {size(q, 0), args.M});
  check_output("dq", dq, {size(q, 0), args.A});
  check_output("dkeys", dkeys, {size(keys, 0), args.A});
  check_output("dmemory", dmemory, {size(memory, 0), args.M});
  if (bool(dv) != bool(v)) refuse("dv must be None where v is, and only there.");
  check_output("dv", dv, {args.B, args.A});
  args.weights = const_cast<T*>(weights.data());  // which are only read
  const AttentionGrads<T> grads = {dcontext.data(), dq.data(), dkeys.data(),
                                   dmemory.data(), data(dv)};
  nb::gil_scoped_release released;
  kernels<T>().attend_backward(args, grads, n_threads);
}

// --- optimizers
// -----------------------------------------------------------------------

// Parameters p to update by gradients g, of all rows or of some.
template <class T>
Rows check_rows(const Out<T>& p, const Maybe<Ints>& rows, const In<T>& g) {
  check_contiguous("p", p);
  const size_t ndim = p.ndim();
  if (!rows) {
    if (g.size() != p.size())
      refuse("g has shape " + shape_of(g) + ", but must have that of p, " +
             shape_of(p) + ".");
    return {1, 1, long(p.size()), nullptr, 0};
  }
  if (ndim < 2)
    refuse("p has shape " + shape_of(p) + ", but must have 2 dimensions for rows.");
  check_ndim("rows", *rows, 1);
  const int64_t V = size(p, ndim - 2), m = size(p, ndim - 1), n = size(*rows, 0);
  check_range("rows", *rows, 0, V);
  int64_t D = 1;
  for (size_t i = 0; i + 2 < ndim; ++i) D *= size(p, i);
  if (g.ndim() != ndim || size(g, ndim - 2) != n || size(g, ndim - 1) != m ||
      int64_t(g.size()) != D * n * m)
    refuse("g has shape " + shape_of(g) + ", but must have that of the rows of p, " +
           shape_of(p) + ", of which there are " + std::to_string(n) + ".");
  return {D, V, m, rows->data(), n};
}

// An array of the shape of p.
template <class T>
void check_like(const char* name, const Out<T>& array, const Out<T>& p) {
  bool same = array.ndim() == p.ndim();
  for (size_t i = 0; same && i < p.ndim(); ++i) same = array.shape(i) == p.shape(i);
  if (!same)
    refuse(std::string(name) + " has shape " + shape_of(array) +
           ", but must have that of p, " + shape_of(p) + ".");
  check_contiguous(name, array);
}

template <class T>
void adam(const Out<T>& p, const Maybe<Ints>& rows, const In<T>& g, const Out<T>& mean,
          const Out<T>& square, T scale, T beta_1, T beta_2, T rate, T epsilon) {
  AdamArgs<T> args;
  args.rows = check_rows<T>(p, rows, g);
  check_like("mean", mean, p);
  check_like("square", square, p);
  args.p = p.data();
  args.g = g.data();
  args.mean = mean.data();
  args.square = square.data();
  args.scale = scale;
  args.beta_1 = beta_1;
  args.beta_2 = beta_2;
  args.rate = rate;
  args.epsilon = epsilon;
  nb::gil_scoped_release released;
  kernels<T>().adam(args);
}

template <class T>
void sgd(const Out<T>& p, const Maybe<Ints>& rows, const In<T>& g,
         const Maybe<Out<T>>& velocity, T scale, T momentum, T rate, bool nesterov) {
  SgdArgs<T> args;
  args.rows = check_rows<T>(p, rows, g);
  if (velocity) check_like("velocity", *velocity, p);
  args.p = p.data();
  args.g = g.data();
  args.velocity = data(velocity);
  args.scale = scale;
  args.momentum = momentum;
  args.rate = rate;
  args.nesterov = nesterov;
  nb::gil_scoped_release released;
  kernels<T>().sgd(args);
}

template <class T>
void add_rows(const Ints& index, const In<T>& values, const Out<T>& to, int n_threads) {
  check_positive("n_threads", n_threads);
  check_ndim("to", to, 2);
  check_contiguous("to", to);
  check_ndim("index", index, 1);
  const int64_t n = size(index, 0), m = size(to, 1);
  check_shape("values", values, {n, m});
  check_range("index", index, 0, size(to, 0));
  const AddRowsArgs<T> args = {index.data(), values.data(), to.data(), n, m};
  nb::gil_scoped_release released;
  kernels<T>().add_rows(args, n_threads);
}

// --- the module
// -----------------------------------------------------------------------

// An argument that is written to: never a copy.
auto out(const char* name) { return nb::arg(name).noconvert(); }

template <class T>
void bind(nb::module_& m) {
  m.def("forward", forward<T>, "cell"_a, "z"_a, "rows"_a.none(), "U"_a, "w"_a,
        "sizes"_a, "h0"_a.none(), "c0"_a.none(), out("h"), out("h_last"),
        out("c_last").none(), out("saved").none(), "n_threads"_a);
  m.def("backward", backward<T>, "cell"_a, "dh"_a, "h"_a, "saved"_a.none(),
        "h0"_a.none(), "c0"_a.none(), "U"_a, "w"_a, "sizes"_a, out("dz"), out("dU"),
        out("dw"), out("db").none(), out("dh_first"), out("dc_first").none(),
        "to_first"_a, "n_threads"_a);
  m.def("matmul", matmul<T>, "a"_a, "b"_a, out("c"), "add"_a, "bias"_a.none(),
        "n_threads"_a);
  m.def("softmax_loss", softmax_loss<T>, out("scores"), "y"_a, "weights"_a,
        out("losses"), "n_threads"_a);
  m.def("ctc_loss", ctc_loss<T>, out("scores"), "y"_a, "offsets"_a, "weights"_a.none(),
        "lengths"_a, "sizes"_a, out("losses"), "n_threads"_a);
  m.def("attend", attend<T>, "q"_a, "keys"_a, "memory"_a, "v"_a.none(), "queries"_a,
        "starts"_a, "lengths"_a, "offsets"_a, out("context"), out("weights"),
        "n_threads"_a);
  m.def("attend_backward", attend_backward<T>, "dcontext"_a, "weights"_a, "q"_a,
        "keys"_a, "memory"_a, "v"_a.none(), "queries"_a, "starts"_a, "lengths"_a,
        "offsets"_a, out("dq"), out("dkeys"), out("dmemory"), out("dv").none(),
        "n_threads"_a);
  m.def("adam", adam<T>, out("p"), "rows"_a.none(), "g"_a, out("mean"), out("square"),
        "scale"_a, "beta_1"_a, "beta_2"_a, "rate"_a, "epsilon"_a);
  m.def("sgd", sgd<T>, out("p"), "rows"_a.none(), "g"_a, out("velocity").none(),
        "scale"_a, "momentum"_a, "rate"_a, "nesterov"_a);
  m.def("add_rows", add_rows<T>, "index"_a, "values"_a, out("to"), "n_threads"_a);
}

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
  skrnn::bind<float>(m);
  skrnn::bind<double>(m);
}
