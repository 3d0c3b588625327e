/* Custom operators: what a library offers to Sardonyx, in C, and a thin C++ layer over it.
 *
 * A library exports one function, SardonyxGetCustomOps. It gives the operators' schemas as text (the form of Sardonyx's own
 * tables, src/ops/README.md) and, for each operator, functions that infer its output types, prepare a kernel for one node and
 * run it. `sardonyx COMMAND --custom-ops LIBRARY.so` and sardonyx::LoadCustomOps load it. The library links nothing of Sardonyx:
 * all that it calls comes in the SardonyxApi table. See docs/custom_ops.md and examples/custom_op.
 */
#ifndef SARDONYX_CUSTOM_OP_H_
#define SARDONYX_CUSTOM_OP_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SARDONYX_CUSTOM_OP_API 1

/* A dim that is not known. Other negative dims stand for symbols of the model: within one call the same number is the same. */
#define SARDONYX_UNKNOWN_DIM (-1)

/* What went wrong; the numbers are those of sardonyx::StatusCode. */
enum { SARDONYX_INVALID = 1, SARDONYX_USAGE = 2, SARDONYX_UNSUPPORTED = 3 };

typedef struct SardonyxNode SardonyxNode; /* a node, while its types are inferred or its kernel is made */
typedef struct SardonyxRun SardonyxRun;   /* one run of one node */

typedef struct SardonyxTensor {
  int32_t dtype;       /* TensorProto.DataType: 1 float, 6 int32, 7 int64, 8 string, 10 float16, 11 double, ... */
  int32_t has_rank;    /* 0 only for types whose rank is not known; dims are then null */
  size_t rank;
  const int64_t* dims; /* of types, some may be negative */
  const void* data;    /* row-major, 64-byte aligned, elements under 8 bits packed low bits first; null for types and strings */
} SardonyxTensor;

/* Pointers that these functions give live until the callback that asked returns. */
typedef struct SardonyxApi {
  int32_t version; /* SARDONYX_CUSTOM_OP_API of the host */

  /* --- of a node; attributes come with the schema's defaults. Those that return int give 1 if there is such a thing, else 0. */
  int64_t (*opset_version)(const SardonyxNode* node); /* of the operator's domain */
  size_t (*num_inputs)(const SardonyxNode* node);
  size_t (*num_outputs)(const SardonyxNode* node);
  int (*input_type)(SardonyxNode* node, size_t i, SardonyxTensor* type);
  int (*input_constant)(SardonyxNode* node, size_t i, SardonyxTensor* value); /* not for strings */
  int (*attribute_int)(const SardonyxNode* node, const char* name, int64_t* value);
  int (*attribute_float)(const SardonyxNode* node, const char* name, float* value);
  int (*attribute_string)(const SardonyxNode* node, const char* name, const char** data, size_t* size);
  int (*attribute_ints)(const SardonyxNode* node, const char* name, const int64_t** data, size_t* count);
  int (*attribute_floats)(const SardonyxNode* node, const char* name, const float** data, size_t* count);
  /* While inferring: the type of output i; has_rank 0 for any shape. */
  void (*set_output_type)(SardonyxNode* node, size_t i, int32_t dtype, int32_t has_rank, size_t rank, const int64_t* dims);
  /* Says why the callback is about to fail. SARDONYX_UNSUPPORTED from `create` lets the next entry of the operator try. */
  void (*fail_node)(SardonyxNode* node, int32_t code, const char* message);

  /* --- of a run */
  size_t (*run_num_inputs)(const SardonyxRun* run);
  size_t (*run_num_outputs)(const SardonyxRun* run);
  int (*input)(SardonyxRun* run, size_t i, SardonyxTensor* tensor); /* 0 when the input is omitted */
  int (*output_wanted)(const SardonyxRun* run, size_t i);
  /* Memory for output i, not initialized. Null on failure, which is recorded already: return at once. */
  void* (*output)(SardonyxRun* run, size_t i, int32_t dtype, size_t rank, const int64_t* dims);
  void* (*workspace)(SardonyxRun* run, size_t bytes); /* 64-byte aligned scratch; null as above */
  const char* (*get_string)(const SardonyxRun* run, size_t input, int64_t index, size_t* size);
  void (*set_string)(SardonyxRun* run, size_t output, int64_t index, const char* data, size_t size); /* after `output` */
  /* Calls f(user, begin, end) on disjoint ranges that cover [0, count), on several threads if that pays; cost: ns an item. */
  void (*parallel_for)(SardonyxRun* run, int64_t count, double cost, void (*f)(void* user, int64_t begin, int64_t end), void* user);
  /* 1 once the run was cancelled or its time is up: return at once (nonzero). For long loops. */
  int (*interrupted)(SardonyxRun* run);
  void (*fail_run)(SardonyxRun* run, int32_t code, const char* message);
} SardonyxApi;

/* One way to compute an operator. An operator may have several entries, best first; the first whose `create` does not fail with
 * SARDONYX_UNSUPPORTED is taken. */
typedef struct SardonyxCustomOp {
  const char* domain;
  const char* op_type;
  int32_t since_version; /* opset versions of the domain that this entry computes, both included; until 0: all later ones */
  int32_t until_version;
  /* Output types and shapes; 0 on success. Null: what the schema's type variables say, of unknown shape. Of several entries for one
   * version of an operator the first one's is used. */
  int (*infer)(const SardonyxApi* api, SardonyxNode* node);
  /* Prepares a kernel: *state is what `run` and `destroy` get; 0 on success. Null: no state. */
  int (*create)(const SardonyxApi* api, SardonyxNode* node, void** state);
  /* Runs it; 0 on success. Called from many threads at once on one state. */
  int (*run)(const SardonyxApi* api, const void* state, SardonyxRun* run);
  void (*destroy)(void* state); /* may be null */
} SardonyxCustomOp;

typedef struct SardonyxCustomOps {
  int32_t version;     /* SARDONYX_CUSTOM_OP_API that the library was built with */
  const char* schemas; /* one table: "domain my.ops 1\n\nScale\n  1 (X: T) -> (Y: T)\n    T in float double\n    factor: float = 1\n" */
  size_t num_ops;
  const SardonyxCustomOp* ops;
} SardonyxCustomOps;

#if defined(_WIN32)
#define SARDONYX_CUSTOM_OP_EXPORT __declspec(dllexport)
#else
#define SARDONYX_CUSTOM_OP_EXPORT __attribute__((visibility("default")))
#endif

/* What the library exports. What it gives must live as long as the process. */
SARDONYX_CUSTOM_OP_EXPORT const SardonyxCustomOps* SardonyxGetCustomOps(void);

#ifdef __cplusplus
}  // extern "C"

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// The C++ layer: a class for each operator, with
//   static void Infer(custom::Node&);            optional
//   explicit Op(custom::Node&);                  reads attributes and constants
//   void Compute(custom::Run&) const;
// Errors are exceptions, which do not leave the library: throw custom::Error, or anything derived from std::exception.
namespace sardonyx::custom {

struct Error : std::runtime_error {
  explicit Error(const std::string& message, int32_t code = SARDONYX_INVALID) : std::runtime_error(message), code(code) {}
  int32_t code;
};
// From a constructor: this kernel does not compute such nodes.
inline Error Unsupported(const std::string& message) { return Error(message, SARDONYX_UNSUPPORTED); }

// TensorProto.DataType of a C++ type.
template <class T> inline constexpr int32_t kDataType = 0;
template <> inline constexpr int32_t kDataType<float> = 1;
template <> inline constexpr int32_t kDataType<uint8_t> = 2;
template <> inline constexpr int32_t kDataType<int8_t> = 3;
template <> inline constexpr int32_t kDataType<uint16_t> = 4;
template <> inline constexpr int32_t kDataType<int16_t> = 5;
template <> inline constexpr int32_t kDataType<int32_t> = 6;
template <> inline constexpr int32_t kDataType<int64_t> = 7;
template <> inline constexpr int32_t kDataType<bool> = 9;
template <> inline constexpr int32_t kDataType<double> = 11;
template <> inline constexpr int32_t kDataType<uint32_t> = 12;
template <> inline constexpr int32_t kDataType<uint64_t> = 13;

// A tensor, or the type of one (data null, some dims negative).
struct Tensor {
  int32_t dtype = 0;
  std::optional<std::vector<int64_t>> dims;  // none: rank not known
  const void* data = nullptr;

  int64_t size() const {
    int64_t count = 1;
    for (const int64_t dim : dims.value_or(std::vector<int64_t>())) count *= dim;
    return count;
  }
  template <class T>
  std::span<const T> as() const {
    if (dtype != kDataType<T>) throw Error("a tensor of another element type is expected");
    return {static_cast<const T*>(data), static_cast<size_t>(size())};
  }
};

inline Tensor FromC(const SardonyxTensor& tensor) {
  Tensor result{tensor.dtype, std::nullopt, tensor.data};
  if (tensor.has_rank) result.dims.emplace(tensor.dims, tensor.dims + tensor.rank);
  return result;
}

class Node {
 public:
  Node(const SardonyxApi* api, SardonyxNode* node) : api_(api), node_(node) {}
  int64_t opset_version() const { return api_->opset_version(node_); }
  size_t num_inputs() const { return api_->num_inputs(node_); }
  size_t num_outputs() const { return api_->num_outputs(node_); }
  // None: omitted, or nothing is known of it.
  std::optional<Tensor> input_type(size_t i) const { return Ask(api_->input_type, i); }
  std::optional<Tensor> input_constant(size_t i) const { return Ask(api_->input_constant, i); }

  // T: int64_t, float, std::string, std::vector<int64_t> or std::vector<float>. Throws when the node has no such attribute and
  // the schema no default.
  template <class T>
  T attribute(const char* name) const {
    T value{};
    if (!Get(name, value)) throw Error(std::string("attribute '") + name + "' is missing");
    return value;
  }
  void SetOutput(size_t i, int32_t dtype, const std::optional<std::vector<int64_t>>& dims) {
    api_->set_output_type(node_, i, dtype, dims.has_value(), dims ? dims->size() : 0, dims ? dims->data() : nullptr);
  }
  // Output i has the type and shape of input `input`.
  void SetOutputLike(size_t i, size_t input) {
    if (const std::optional<Tensor> type = input_type(input)) SetOutput(i, type->dtype, type->dims);
  }

 private:
  std::optional<Tensor> Ask(int (*ask)(SardonyxNode*, size_t, SardonyxTensor*), size_t i) const {
    SardonyxTensor tensor;
    if (!ask(node_, i, &tensor)) return std::nullopt;
    return FromC(tensor);
  }
  bool Get(const char* name, int64_t& value) const { return api_->attribute_int(node_, name, &value); }
  bool Get(const char* name, float& value) const { return api_->attribute_float(node_, name, &value); }
  bool Get(const char* name, std::string& value) const {
    const char* data;
    size_t size;
    return api_->attribute_string(node_, name, &data, &size) && (value.assign(data, size), true);
  }
  bool Get(const char* name, std::vector<int64_t>& value) const {
    const int64_t* data;
    size_t count;
    return api_->attribute_ints(node_, name, &data, &count) && (value.assign(data, data + count), true);
  }
  bool Get(const char* name, std::vector<float>& value) const {
    const float* data;
    size_t count;
    return api_->attribute_floats(node_, name, &data, &count) && (value.assign(data, data + count), true);
  }

  const SardonyxApi* api_;
  SardonyxNode* node_;
};

class Run {
 public:
  // Thrown when the host has recorded an error itself.
  struct Stopped : std::exception {};

  Run(const SardonyxApi* api, SardonyxRun* run) : api_(api), run_(run) {}
  size_t num_inputs() const { return api_->run_num_inputs(run_); }
  size_t num_outputs() const { return api_->run_num_outputs(run_); }
  bool has_input(size_t i) const {
    SardonyxTensor unused;
    return api_->input(run_, i, &unused) != 0;
  }
  // Throws when the input is omitted.
  Tensor input(size_t i) const {
    SardonyxTensor tensor;
    if (!api_->input(run_, i, &tensor)) throw Error("input " + std::to_string(i) + " is missing");
    return FromC(tensor);
  }
  bool output_wanted(size_t i) const { return api_->output_wanted(run_, i) != 0; }
  // Memory for output i, not initialized.
  template <class T>
  std::span<T> output(size_t i, const std::vector<int64_t>& dims) {
    void* data = Checked(api_->output(run_, i, kDataType<T>, dims.size(), dims.data()));
    int64_t count = 1;
    for (const int64_t dim : dims) count *= dim;
    return {static_cast<T*>(data), static_cast<size_t>(count)};
  }
  void output_strings(size_t i, const std::vector<int64_t>& dims) { Checked(api_->output(run_, i, 8, dims.size(), dims.data())); }
  std::string_view get_string(size_t input, int64_t index) const {
    size_t size;
    const char* data = api_->get_string(run_, input, index, &size);
    return {data, size};
  }
  void set_string(size_t output, int64_t index, std::string_view text) {
    api_->set_string(run_, output, index, text.data(), text.size());
  }
  void* workspace(size_t bytes) { return Checked(api_->workspace(run_, bytes)); }
  // f(begin, end) on disjoint ranges, possibly at once; it must not throw.
  template <class F>
  void ParallelFor(int64_t count, double cost, const F& f) {
    api_->parallel_for(
        run_, count, cost, [](void* user, int64_t begin, int64_t end) { (*static_cast<const F*>(user))(begin, end); },
        const_cast<F*>(&f));
  }
  void CheckInterrupted() {
    if (api_->interrupted(run_)) throw Stopped();
  }

 private:
  void* Checked(void* memory) {
    if (!memory) throw Stopped();
    return memory;
  }

  const SardonyxApi* api_;
  SardonyxRun* run_;
};

// Runs f; 0, or 1 after `fail(code, message)`.
template <class F, class Fail>
int Guard(const F& f, const Fail& fail) {
  try {
    f();
    return 0;
  } catch (const Run::Stopped&) {
  } catch (const Error& error) {
    fail(error.code, error.what());
  } catch (const std::exception& error) {
    fail(SARDONYX_INVALID, error.what());
  } catch (...) {
    fail(SARDONYX_INVALID, "an exception of unknown type");
  }
  return 1;
}

// The entry of class Op, for versions since..until of the operator.
template <class Op>
SardonyxCustomOp Entry(const char* domain, const char* op_type, int32_t since = 1, int32_t until = 0) {
  SardonyxCustomOp entry{};
  entry.domain = domain;
  entry.op_type = op_type;
  entry.since_version = since;
  entry.until_version = until;
  if constexpr (requires(Node& node) { Op::Infer(node); }) {
    entry.infer = [](const SardonyxApi* api, SardonyxNode* node) {
      return Guard(
          [&] {
            Node view(api, node);
            Op::Infer(view);
          },
          [&](int32_t code, const char* message) { api->fail_node(node, code, message); });
    };
  }
  entry.create = [](const SardonyxApi* api, SardonyxNode* node, void** state) {
    return Guard(
        [&] {
          Node view(api, node);
          *state = new Op(view);
        },
        [&](int32_t code, const char* message) { api->fail_node(node, code, message); });
  };
  entry.run = [](const SardonyxApi* api, const void* state, SardonyxRun* run) {
    return Guard(
        [&] {
          Run view(api, run);
          static_cast<const Op*>(state)->Compute(view);
        },
        [&](int32_t code, const char* message) { api->fail_run(run, code, message); });
  };
  entry.destroy = [](void* state) { delete static_cast<Op*>(state); };
  return entry;
}

}  // namespace sardonyx::custom

// Exports the operators: SARDONYX_CUSTOM_OPS(schemas, entry, entry...).
#define SARDONYX_CUSTOM_OPS(schemas, ...)                                                                            \
  extern "C" SARDONYX_CUSTOM_OP_EXPORT const SardonyxCustomOps* SardonyxGetCustomOps(void) {                         \
    static const SardonyxCustomOp entries[] = {__VA_ARGS__};                                                         \
    static const SardonyxCustomOps ops = {SARDONYX_CUSTOM_OP_API, schemas, sizeof(entries) / sizeof(*entries), entries}; \
    return &ops;                                                                                                     \
  }

#endif /* __cplusplus */
#endif /* SARDONYX_CUSTOM_OP_H_ */
