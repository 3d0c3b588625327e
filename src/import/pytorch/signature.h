// Signatures of PyTorch's operators: names, types and defaults of their parameters, and what they alias.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "import/pytorch/torch_graph.h"

namespace sardonyx::pytorch {

struct SignatureParameter {
  std::string_view name;
  std::string_view type;  // "Tensor", "Tensor?", "int[]", "Scalar", "ScalarType?", ...; SymInt reads int
  bool keyword_only = false;
  bool has_default = false;
  IValue default_value;
  char alias = 0;        // 'a' of Tensor(a)
  bool written = false;  // Tensor(a!)
};

struct SignatureReturn {
  std::string_view type;
  char alias = 0;
  bool written = false;
};

struct Signature {
  std::string_view name;  // "aten.add.Tensor"; without an overload "aten.relu.default"
  std::vector<SignatureParameter> parameters;
  std::vector<SignatureReturn> returns;
  std::string functional;  // of one that is another, but for the `out` arguments that it writes to: that one, "aten.add.Tensor"

  // Position of a parameter, or -1.
  int Find(std::string_view parameter) const;
  bool IsMutating() const;
};

// Null when the name is unknown. `target` is "aten.add.Tensor" or "aten.relu.default".
const Signature* FindSignature(std::string_view target);
// Every overload of "aten.add", in the table's order.
std::vector<const Signature*> FindOverloads(std::string_view name);

// The operator that computes what this one writes: "aten.add.Tensor" of "aten.add_.Tensor" and "aten.add.out", "aten.__or__.Tensor" of
// "aten.__ior__.Tensor". Others stay.
std::string PureTarget(const std::string& target);
// The signature whose names a rule uses: of the pure form, as PyTorch sometimes names the parameters of the in-place one otherwise
// (dropout_'s `self` is dropout's `input`), unless it takes others. What is written to comes behind.
const Signature* RuleSignature(const std::string& target);

// Binds arguments as a call gives them, by position and by name, to the parameters of a signature: defaults filled in, dtypes that
// are numbers made dtypes. kCorrupt, naming the parameter, when one is missing, unknown or given twice.
StatusOr<std::vector<IValue>> BindArguments(const Signature& signature, std::vector<IValue> positional,
                                            std::vector<std::pair<std::string, IValue>> named);

// c10::ScalarType's numbers, as TorchScript and torch.save have them: 6 is float32. kUndefined for what ONNX cannot say.
DataType DataTypeOfScalarType(int64_t number);

}  // namespace sardonyx::pytorch
