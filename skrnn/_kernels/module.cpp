// What Python sees. nanobind copies inputs that are not C-contiguous or of another type;
// that shapes agree and indices are in range is for skrnn._core to see to. The lock of the
// interpreter is free while kernels run.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <vector>

#include "kernels.hpp"
#include "shape.hpp"

namespace nb = nanobind;

namespace skrnn {

namespace baseline {
extern const Isa isa;
}
#ifdef SKRNN_X86
namespace avx2 {
extern const Isa isa;
}
namespace avx512 {
extern const Isa isa;
}
#endif

// Those that this processor has, the fastest first.
std::vector<const Isa*> supported() {
  std::vector<const Isa*> isas;
#ifdef SKRNN_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    isas.push_back(&avx512::isa);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    isas.push_back(&avx2::isa);
#endif
  isas.push_back(&baseline::isa);
  return isas;
}

}  // namespace skrnn

namespace {

using skrnn::Isa;

const Isa* in_use = skrnn::supported().front();

template <class T>
const skrnn::Kernels<T>& kernels() {
  if constexpr (sizeof(T) == 4)
    return in_use->of_floats;
  else
    return in_use->of_doubles;
}

template <class T>
using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
template <class T>
using Strided = nb::ndarray<T, nb::ndim<2>, nb::device::cpu>;
template <class T>
using Maybe = std::optional<Array<T>>;
using Sizes = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T>
skrnn::Attention<T> attention_of(const Array<const T>& q, const Array<const T>& keys,
                                 const Array<const T>& memory, const Maybe<const T>& v,
                                 const Sizes& queries, const Sizes& starts,
                                 const Sizes& lengths, const Sizes& offsets, T* weights) {
  return {q.data(),       keys.data(),    memory.data(),        v ? v->data() : nullptr,
          queries.data(), starts.data(),  lengths.data(),       offsets.data(),
          weights,        long(starts.shape(0)), long(q.shape(1)), long(memory.shape(1))};
}

template <class T>
T* data(const Maybe<T>& array) {
  return array ? array->data() : nullptr;
}

template <class T>
skrnn::Rows rows_of(const Array<T>& table, const Maybe<const int64_t>& rows) {
  if (!rows) return {1, 1, long(table.size()), nullptr, 0};
  const size_t d = table.ndim();
  const long V = long(table.shape(d - 2)), m = long(table.shape(d - 1));
  const long D = V * m == 0 ? 0 : long(table.size()) / (V * m);
  return {D, V, m, rows->data(), long(rows->size())};
}

template <class T>
void bind(nb::module_& m) {
  m.def(
      "forward",
      [](int cell, Array<const T> z, Maybe<const int64_t> rows, Array<const T> U,
         Array<const T> w, Sizes sizes, Maybe<const T> h0, Maybe<const T> c0, Array<T> h, Array<T> h_last,
         Maybe<T> c_last, Maybe<T> saved, int n_threads) {
        const skrnn::Shape s = {long(h.shape(0)), long(h.shape(1)), long(h_last.shape(1)),
                                long(sizes.shape(0)), long(h.shape(2))};
        nb::gil_scoped_release free;
        kernels<T>().forward(cell, s, sizes.data(), z.data(), long(z.shape(1)),
                             data(rows), U.data(), w.data(), long(w.shape(1)), data(h0), data(c0), h.data(),
                             h_last.data(), data(c_last), data(saved), n_threads);
      },
      nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg(), nb::arg(),
      nb::arg().none(), nb::arg().none(), nb::arg().noconvert(), nb::arg().noconvert(),
      nb::arg().noconvert().none(), nb::arg().noconvert().none(), nb::arg());
  m.def(
      "backward",
      [](int cell, Array<const T> dh, Array<const T> h, Maybe<const T> saved,
         Maybe<const T> h0, Maybe<const T> c0, Array<const T> U, Array<const T> w,
         Sizes sizes, Array<T> dz, Array<T> dU, Array<T> dw, Maybe<T> db,
         Array<T> dh_first, Maybe<T> dc_first, bool to_first, int n_threads) {
        const skrnn::Shape s = {long(h.shape(0)), long(h.shape(1)),
                                long(dh_first.shape(1)), long(sizes.shape(0)),
                                long(h.shape(2))};
        nb::gil_scoped_release free;
        kernels<T>().backward(cell, s, sizes.data(), dh.data(), h.data(), data(saved),
                              data(h0), data(c0), U.data(), w.data(), long(w.shape(1)),
                              dz.data(), dU.data(), dw.data(), data(db),
                              dh_first.data(), data(dc_first), to_first, n_threads);
      },
      nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg().none(),
      nb::arg().none(), nb::arg(), nb::arg(), nb::arg(), nb::arg().noconvert(),
      nb::arg().noconvert(), nb::arg().noconvert(), nb::arg().noconvert().none(),
      nb::arg().noconvert(), nb::arg().noconvert().none(), nb::arg(), nb::arg());
  m.def(
      "product",
      [](Strided<const T> a, Strided<const T> b, Strided<T> c, bool add,
         Maybe<const T> bias, int n_threads) {
        nb::gil_scoped_release free;
        kernels<T>().product(a.data(), a.stride(0), a.stride(1), b.data(), b.stride(0),
                             b.stride(1), c.data(), c.stride(0), long(c.shape(0)),
                             long(c.shape(1)), long(a.shape(1)), add, data(bias), nullptr,
                             n_threads);
      },
      nb::arg(), nb::arg(), nb::arg().noconvert(), nb::arg(), nb::arg().none(), nb::arg());
  m.def("softmax_loss",
        [](Array<T> scores, Sizes y, Array<const T> weights, Array<T> losses,
           int n_threads) {
          nb::gil_scoped_release free;
          kernels<T>().softmax_loss(scores.data(), y.data(), weights.data(),
                                    losses.data(), long(scores.shape(0)),
                                    long(scores.shape(1)), n_threads);
        },
        nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg().noconvert(), nb::arg());
  m.def(
      "adam",
      [](Array<T> p, Maybe<const int64_t> rows, Array<const T> g, Array<T> mean,
         Array<T> square, T scale, T beta_1, T beta_2, T rate, T epsilon) {
        const skrnn::Rows which = rows_of(p, rows);
        nb::gil_scoped_release free;
        kernels<T>().adam(which, p.data(), g.data(), mean.data(), square.data(), scale,
                          beta_1, beta_2, rate, epsilon);
      },
      nb::arg().noconvert(), nb::arg().none(), nb::arg(), nb::arg().noconvert(),
      nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg());
  m.def(
      "sgd",
      [](Array<T> p, Maybe<const int64_t> rows, Array<const T> g, Maybe<T> velocity,
         T scale, T momentum, T rate, bool nesterov) {
        const skrnn::Rows which = rows_of(p, rows);
        nb::gil_scoped_release free;
        kernels<T>().sgd(which, p.data(), g.data(), data(velocity), scale, momentum, rate,
                         nesterov);
      },
      nb::arg().noconvert(), nb::arg().none(), nb::arg(), nb::arg().noconvert().none(),
      nb::arg(), nb::arg(), nb::arg(), nb::arg());
  m.def(
      "attend",
      [](Array<const T> q, Array<const T> keys, Array<const T> memory, Maybe<const T> v,
         Sizes queries, Sizes starts, Sizes lengths, Sizes offsets, Array<T> context,
         Array<T> weights, int n_threads) {
        const auto s = attention_of<T>(q, keys, memory, v, queries, starts, lengths,
                                       offsets, weights.data());
        nb::gil_scoped_release free;
        kernels<T>().attend(s, context.data(), n_threads);
      },
      nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg(), nb::arg(),
      nb::arg(), nb::arg().noconvert(), nb::arg().noconvert(), nb::arg());
  m.def(
      "attend_backward",
      [](Array<const T> dcontext, Array<T> weights, Array<const T> q, Array<const T> keys,
         Array<const T> memory, Maybe<const T> v, Sizes queries, Sizes starts,
         Sizes lengths, Sizes offsets, Array<T> dq, Array<T> dkeys, Array<T> dmemory,
         Maybe<T> dvs, int n_threads) {
        const auto s = attention_of<T>(q, keys, memory, v, queries, starts, lengths,
                                       offsets, weights.data());
        nb::gil_scoped_release free;
        kernels<T>().attend_backward(s, dcontext.data(), dq.data(), dkeys.data(),
                                     dmemory.data(), data(dvs), n_threads);
      },
      nb::arg(), nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(),
      nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().noconvert(),
      nb::arg().noconvert(), nb::arg().noconvert(), nb::arg().noconvert().none(),
      nb::arg());
  m.def(
      "add_rows",
      [](Sizes index, Array<const T> values, Array<T> to, int n_threads) {
        nb::gil_scoped_release free;
        kernels<T>().add_rows(index.data(), values.data(), to.data(),
                              long(index.shape(0)), long(values.shape(1)), n_threads);
      },
      nb::arg(), nb::arg(), nb::arg().noconvert(), nb::arg());
  m.def(
      "ctc_loss",
      [](Array<T> scores, Sizes y, Sizes offsets, Maybe<const double> weights,
         Sizes lengths, Sizes sizes, Array<double> losses, int n_threads) {
        nb::gil_scoped_release free;
        kernels<T>().ctc_loss(scores.data(), y.data(), offsets.data(), data(weights),
                              lengths.data(), sizes.data(), losses.data(),
                              long(lengths.shape(0)), long(sizes.shape(0)),
                              long(scores.shape(1)), n_threads);
      },
      nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg(),
      nb::arg(), nb::arg().noconvert(), nb::arg());
}

}  // namespace

NB_MODULE(_compiled, m) {
  m.def("isa", [] { return in_use->name; });
  m.def("supported", [] {
    std::vector<std::string> names;
    for (const Isa* isa : skrnn::supported()) names.push_back(isa->name);
    return names;
  });
  m.def("use", [](const std::string& name) {
    for (const Isa* isa : skrnn::supported())
      if (name == isa->name) in_use = isa;
  });
  bind<float>(m);
  bind<double>(m);
}
