// Products and attention, for Python.
#include <vector>

#include "bindings.hpp"

namespace skrnn {
namespace {

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

template <class T>
void bind(nb::module_& m) {
  m.def("matmul", matmul<T>, "a"_a, "b"_a, out("c"), "add"_a, "bias"_a.none(),
        "n_threads"_a);
  m.def("attend", attend<T>, "q"_a, "keys"_a, "memory"_a, "v"_a.none(), "queries"_a,
        "starts"_a, "lengths"_a, "offsets"_a, out("context"), out("weights"),
        "n_threads"_a);
  m.def("attend_backward", attend_backward<T>, "dcontext"_a, "weights"_a, "q"_a,
        "keys"_a, "memory"_a, "v"_a.none(), "queries"_a, "starts"_a, "lengths"_a,
        "offsets"_a, out("dq"), out("dkeys"), out("dmemory"), out("dv").none(),
        "n_threads"_a);
}

}  // namespace

void bind_products(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace skrnn
