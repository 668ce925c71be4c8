// Losses, steps of optimizers and sums of gradients, for Python.
#include "bindings.hpp"

namespace skrnn {
namespace {

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

template <class T>
void bind(nb::module_& m) {
  m.def("softmax_loss", softmax_loss<T>, out("scores"), "y"_a, "weights"_a,
        out("losses"), "n_threads"_a);
  m.def("ctc_loss", ctc_loss<T>, out("scores"), "y"_a, "offsets"_a, "weights"_a.none(),
        "lengths"_a, "sizes"_a, out("losses"), "n_threads"_a);
  m.def("adam", adam<T>, out("p"), "rows"_a.none(), "g"_a, out("mean"), out("square"),
        "scale"_a, "beta_1"_a, "beta_2"_a, "rate"_a, "epsilon"_a);
  m.def("sgd", sgd<T>, out("p"), "rows"_a.none(), "g"_a, out("velocity").none(),
        "scale"_a, "momentum"_a, "rate"_a, "nesterov"_a);
  m.def("add_rows", add_rows<T>, "index"_a, "values"_a, out("to"), "n_threads"_a);
}

}  // namespace

void bind_training(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace skrnn
