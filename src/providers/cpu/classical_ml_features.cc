// Feature transforms of ai.onnx.ml: element by element, or by column.
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "kernels/ml/svm.h"
#include "kernels/movement/shape_math.h"
#include "kernels/movement/strided_copy.h"
#include "providers/cpu/classical_ml.h"
#include "providers/cpu/movement_elements.h"

namespace sardonyx::cpu {
namespace {

// A tensor as [outer, columns, inner] with `columns` its second axis, or its only one.
struct Columns {
  int64_t outer = 1, columns = 1, inner = 1;
};
Columns ColumnsOf(const Dims& dims) {
  if (dims.empty()) return {};
  const size_t axis = dims.rank() == 1 ? 0 : 1;
  return {dims.Product(0, axis), dims[axis], dims.Product(axis + 1, dims.rank())};
}

// A list with one entry for all columns, or one for each.
template <class T>
Status CheckColumnList(const std::vector<T>& list, int64_t columns, std::string_view name) {
  if (list.size() == 1 || static_cast<int64_t>(list.size()) == columns) return {};
  return Invalid(fmt::format("{} has {} entries for {} columns", name, list.size(), columns));
}

}  // namespace

KernelOr CreateArrayFeatureExtractor(const NodeInfo&) {
  return MakeKernel([](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    if (x.rank() == 0) return Invalid("the input must have at least one dimension");
    const int64_t columns = x.dims.back();
    ASSIGN_OR_RETURN(const kernels::Indices indices, ReadIndices(context.input(1)));
    if (indices.count() == 0) return Invalid("no indices to extract");
    for (int64_t i = 0; i < indices.count(); ++i)
      if (indices[i] < 0 || indices[i] >= columns) return Invalid(fmt::format("index {} is not in [0, {})", indices[i], columns));
    Dims out = x.rank() == 1 ? Dims{1, 0} : x.dims;
    out[out.rank() - 1] = indices.count();
    ASSIGN_OR_RETURN(const ElementReader reader, ElementReader::Open(x));
    ASSIGN_OR_RETURN(ElementWriter writer, ElementWriter::Open(context, 0, x.dtype, out));
    GatherAxis(reader.element(), reader.data(), x.dims.Product(0, x.rank() - 1), columns, 1, indices, writer.data(),
               &context.thread_pool());
    return writer.Finish();
  });
}

KernelOr CreateBinarizer(const NodeInfo& node) {
  return MakeKernel(
      [threshold = node.GetFloat("threshold")](KernelContext& context) -> Status {
        const TensorView& x = context.input(0);
        ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
        return Dispatch<float, double, int64_t, int32_t>(x.dtype, "Binarizer", [&]<class T>() -> Status {
          T* to = y.mutable_ptr<T>();
          for (const T value : x.as<T>()) *to++ = static_cast<double>(value) > static_cast<double>(threshold) ? T{1} : T{0};
          return {};
        });
      },
      {.in_place = {{0, 0}}});
}

// Puts inputs side by side, each cut or filled up with zeros to its width.
KernelOr CreateFeatureVectorizer(const NodeInfo& node) {
  return MakeKernel([given = node.GetInts("inputdimensions")](KernelContext& context) -> Status {
    std::vector<int64_t> widths = given;
    for (size_t i = widths.size(); i < context.num_inputs(); ++i) {
      const Dims& dims = context.input(i).dims;
      widths.push_back(dims.rank() == 1 ? dims[0] : dims.Product(1, dims.rank()));
    }
    if (widths.size() != context.num_inputs())
      return Invalid(fmt::format("{} inputdimensions for {} inputs", widths.size(), context.num_inputs()));
    const Dims& first = context.input(0).dims;
    const int64_t rows = first.rank() <= 1 ? 1 : first[0];
    int64_t total = 0;
    for (int64_t width : widths)
      if (width < 0 || __builtin_add_overflow(total, width, &total)) return Invalid(fmt::format("inputdimensions has {}", width));
    const Dims out{rows, total};
    ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(DataType::kFloat, out));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, out));
    float* to = y.mutable_ptr<float>();
    std::fill_n(to, count, 0.f);
    int64_t place = 0;
    for (size_t i = 0; i < widths.size(); ++i) {
      const TensorView& x = context.input(i);
      if ((x.rank() <= 1 ? 1 : x.dims[0]) != rows)
        return Invalid(fmt::format("inputs of {} and {} rows", rows, x.rank() <= 1 ? 1 : x.dims[0]));
      const int64_t features = x.rank() <= 1 ? x.num_elements() : x.dims.Product(1, x.rank());
      ASSIGN_OR_RETURN(const auto numbers, NumbersAs<float>::Read(x));
      for (int64_t r = 0; r < rows && features > 0; ++r)
        std::copy_n(numbers.data() + r * features, std::min(features, widths[i]), to + r * total + place);
      place += widths[i];
    }
    return {};
  });
}

KernelOr CreateImputer(const NodeInfo& node) {
  const std::vector<float> floats = node.GetFloats("imputed_value_floats");
  const std::vector<int64_t> ints = node.GetInts("imputed_value_int64s");
  return MakeKernel([floats, ints, old_float = node.GetFloat("replaced_value_float"),
                     old_int = node.GetInt("replaced_value_int64")](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    const Columns shape = ColumnsOf(x.dims);
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, x.dtype, x.dims));
    return Dispatch<float, double, int64_t, int32_t>(x.dtype, "Imputer", [&]<class T>() -> Status {
      std::vector<T> values;
      if constexpr (std::is_integral_v<T>)
        values.assign(ints.begin(), ints.end());
      else
        values.assign(floats.begin(), floats.end());
      RETURN_IF_ERROR(CheckColumnList(values, shape.columns, std::is_integral_v<T> ? "imputed_value_int64s" : "imputed_value_floats"));
      const auto is_old = [&](T value) {
        if constexpr (std::is_integral_v<T>)
          return static_cast<int64_t>(value) == old_int;
        else
          return std::isnan(old_float) ? std::isnan(value) : value == static_cast<T>(old_float);
      };
      const T* from = x.ptr<T>();
      T* to = y.mutable_ptr<T>();
      for (int64_t i = 0; i < x.num_elements(); ++i)
        to[i] = !is_old(from[i]) ? from[i] : values.size() == 1 ? values[0] : values[i / shape.inner % shape.columns];
      return {};
    });
  });
}

namespace {

enum class Norm { kMax, kL1, kL2 };

StatusOr<Norm> ReadNorm(const NodeInfo& node) {
  const std::string name = node.GetString("norm", "MAX");
  if (name == "MAX") return Norm::kMax;
  if (name == "L1") return Norm::kL1;
  if (name == "L2") return Norm::kL2;
  return Invalid(fmt::format("norm '{}' is not one of MAX, L1, L2", name));
}

// The norm of `count` values `stride` apart. MAX is the greatest value, not the greatest magnitude.
float NormOf(Norm norm, const float* x, int64_t count, int64_t stride) {
  float result = norm == Norm::kMax ? std::numeric_limits<float>::lowest() : 0.f;
  for (int64_t i = 0; i < count; ++i) {
    const float value = x[i * stride];
    if (norm == Norm::kMax)
      result = std::max(result, value);
    else
      result += norm == Norm::kL1 ? std::abs(value) : value * value;
  }
  return norm == Norm::kL2 ? std::sqrt(result) : result;
}

}  // namespace

KernelOr CreateNormalizer(const NodeInfo& node) {
  ASSIGN_OR_RETURN(const Norm norm, ReadNorm(node));
  return MakeKernel([norm](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    const Columns shape = ColumnsOf(x.dims);
    ASSIGN_OR_RETURN(const auto numbers, NumbersAs<float>::Read(x));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, x.dims));
    if (x.num_elements() == 0) return {};
    context.ParallelFor(shape.outer * shape.inner, 2.0 * static_cast<double>(shape.columns), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t first = row / shape.inner * shape.columns * shape.inner + row % shape.inner;
        const float* from = numbers.data() + first;
        float* to = y.mutable_ptr<float>() + first;
        const float norm_of_row = NormOf(norm, from, shape.columns, shape.inner), divisor = norm_of_row == 0 ? 1 : norm_of_row;
        if (shape.inner == 1)
          for (int64_t i = 0; i < shape.columns; ++i) to[i] = from[i] / divisor;
        else
          for (int64_t i = 0; i < shape.columns; ++i) to[i * shape.inner] = from[i * shape.inner] / divisor;
      }
    });
    return {};
  });
}

// Column of each category. Of several equal ones the last counts, as in the reference implementation and ONNX Runtime.
template <class T>
std::unordered_map<T, size_t> ColumnsOfCategories(const std::vector<T>& categories) {
  std::unordered_map<T, size_t> columns;
  for (size_t i = 0; i < categories.size(); ++i) columns[categories[i]] = i;
  return columns;
}

KernelOr CreateOneHotEncoder(const NodeInfo& node) {
  const std::vector<int64_t> int_list = node.GetInts("cats_int64s");
  const std::vector<std::string> string_list = node.GetStrings("cats_strings");
  if (int_list.empty() == string_list.empty()) return Invalid("exactly one of cats_int64s and cats_strings must be given");
  return MakeKernel([ints = ColumnsOfCategories(int_list), strings = ColumnsOfCategories(string_list),
                     width = std::max(int_list.size(), string_list.size()),
                     zeros = node.GetInt("zeros", 1) != 0](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    Dims out = x.dims;
    out.push_back(static_cast<int64_t>(width));
    ASSIGN_OR_RETURN(const int64_t count, CheckedNumElements(DataType::kFloat, out));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, out));
    float* to = y.mutable_ptr<float>();
    std::fill_n(to, count, 0.f);
    const auto mark = [&](const auto& columns, const auto& value) -> Status {
      const auto found = columns.find(value);
      if (found != columns.end())
        to[found->second] = 1;
      else if (!zeros)
        return Invalid("the input has a value that is not among the categories, and zeros is 0");
      to += width;
      return {};
    };
    if (x.dtype == DataType::kString) {
      if (strings.empty()) return Invalid("the input holds strings, the categories are integers");
      for (const std::string& value : x.as<std::string>()) RETURN_IF_ERROR(mark(strings, value));
      return {};
    }
    if (ints.empty()) return Invalid(fmt::format("the input holds {}, the categories are strings", DataTypeName(x.dtype)));
    return Dispatch<float, double, int64_t, int32_t>(x.dtype, "OneHotEncoder", [&]<class T>() -> Status {
      for (const T value : x.as<T>()) {
        // Fractions are dropped; what no integer can hold is in no category.
        const bool fits = static_cast<double>(value) > -9.2e18 && static_cast<double>(value) < 9.2e18;
        if (!fits && std::is_floating_point_v<T>) {
          if (!zeros) return Invalid("the input has a value that is not among the categories, and zeros is 0");
          to += width;
          continue;
        }
        RETURN_IF_ERROR(mark(ints, static_cast<int64_t>(value)));
      }
      return {};
    });
  });
}

KernelOr CreateScaler(const NodeInfo& node) {
  std::vector<float> offset = node.GetFloats("offset"), scale = node.GetFloats("scale");
  if (offset.empty()) offset.push_back(0.f);
  if (scale.empty()) scale.push_back(1.f);
  return MakeKernel([offset, scale](KernelContext& context) -> Status {
    const TensorView& x = context.input(0);
    const Columns shape = ColumnsOf(x.dims);
    RETURN_IF_ERROR(CheckColumnList(offset, shape.columns, "offset"));
    RETURN_IF_ERROR(CheckColumnList(scale, shape.columns, "scale"));
    ASSIGN_OR_RETURN(const auto numbers, NumbersAs<float>::Read(x));
    ASSIGN_OR_RETURN(TensorView y, context.Output(0, DataType::kFloat, x.dims));
    const float* from = numbers.data();
    float* to = y.mutable_ptr<float>();
    if (shape.inner == 1 && offset.size() > 1 && scale.size() > 1) {
      context.ParallelFor(shape.outer, 0.1 * static_cast<double>(shape.columns), [&](int64_t begin, int64_t end) {
        kernels::ScaleRows(from + begin * shape.columns, end - begin, shape.columns, offset.data(), scale.data(), to + begin * shape.columns);
      });
      return {};
    }
    for (int64_t line = 0; line < shape.outer * shape.columns; ++line) {
      const auto column = static_cast<size_t>(line % shape.columns);
      const float o = offset[offset.size() == 1 ? 0 : column], s = scale[scale.size() == 1 ? 0 : column];
      for (int64_t i = line * shape.inner; i < (line + 1) * shape.inner; ++i) to[i] = (from[i] - o) * s;
    }
    return {};
  });
}

}  // namespace sardonyx::cpu
