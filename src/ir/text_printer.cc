// Printing the textual syntax.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "ir/text.h"
#include "ir/text_tensor.h"
#include "ir/text_words.h"

namespace sardonyx::ir {
namespace {

constexpr size_t kMaxLosses = 1000;

class TextPrinter {
 public:
  explicit TextPrinter(const PrintTextOptions& options) : options_(options) {}

  void PrintModel(const Model& model);
  void PrintGraph(const Graph& graph);
  void PrintFunction(const Function& function);
  std::string Take() { return std::move(out_); }

 private:
  template <class... T>
  void Add(fmt::format_string<T...> format, T&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<T>(args)...);
  }
  void Indent() { out_.append(3 * static_cast<size_t>(indent_), ' '); }
  template <class Range, class F>
  void List(std::string_view open, std::string_view separator, std::string_view close, const Range& range, F&& print);

  void Header(const Model& model);
  void Name(std::string_view name);
  void Quoted(std::string_view text);
  void Pairs(const StringPairs& pairs);
  void Opsets(const std::vector<OpsetImport>& opsets);
  void PrintType(const Type& type);
  void TensorType(const Type& type);
  void Info(const ValueInfo& info);
  void Values(const Graph& graph);
  void Nodes(const Graph& graph);
  void PrintNode(const Node& node);
  void Attributes(const std::vector<Attribute>& attributes);
  void PrintAttribute(const Attribute& attribute);
  void Content(const Attribute& attribute);
  void Tensor(const StoredTensor& tensor, bool is_initializer);
  void Sparse(const StoredSparseTensor& tensor, bool is_initializer);

  void Lose(bool lost, std::string_view what, std::string_view where = "");
  void LoseGraph(const Graph& graph);
  void LoseNode(const Node& node);
  void LoseTensor(const StoredTensor& tensor);
  void LoseType(const Type& type, std::string_view where);

  const PrintTextOptions& options_;
  std::string out_;
  int indent_ = 0;
};

void TextPrinter::Lose(bool lost, std::string_view what, std::string_view where) {
  if (!lost || options_.losses == nullptr || options_.losses->size() >= kMaxLosses) return;
  options_.losses->push_back(where.empty() ? std::string(what) : fmt::format("{} of {}", what, where));
}

void TextPrinter::LoseGraph(const Graph& graph) {
  const std::string where = fmt::format("graph '{}'", graph.name);
  Lose(!graph.doc.empty(), "doc_string", where);
  Lose(!graph.metadata.empty(), "metadata_props", where);
  Lose(!graph.quantization_annotations.empty(), "quantization_annotation", where);
  Lose(!graph.extras.unknown.empty(), "unknown fields", where);
}

void TextPrinter::LoseNode(const Node& node) {
  if (options_.losses == nullptr) return;  // Label() costs more than the checks
  const std::string where = node.Label();
  Lose(!node.doc.empty(), "doc_string", where);
  Lose(!node.metadata.empty(), "metadata_props", where);
  Lose(!node.device_configurations.empty(), "device_configurations", where);
  Lose(!node.extras.unknown.empty(), "unknown fields", where);
}

void TextPrinter::LoseTensor(const StoredTensor& tensor) {
  if (options_.losses == nullptr) return;
  const std::string where = fmt::format("tensor '{}'", tensor.name);
  Lose(!tensor.doc.empty(), "doc_string", where);
  Lose(!tensor.metadata.empty(), "metadata_props", where);
  Lose(tensor.has_segment, "segment", where);
  Lose(!tensor.extras.unknown.empty(), "unknown fields", where);
}

void TextPrinter::LoseType(const Type& type, std::string_view where) {
  Lose(!type.denotation.empty(), "denotation of the type", where);
  Lose(!type.extras.unknown.empty() || !type.inner_extras.unknown.empty(), "unknown fields of the type", where);
  if (!type.shape) return;
  for (const Shape::DimExtras& dim : type.shape->dim_extras) Lose(!dim.denotation.empty(), "denotation of a dimension", where);
}

template <class Range, class F>
void TextPrinter::List(std::string_view open, std::string_view separator, std::string_view close, const Range& range, F&& print) {
  out_ += open;
  bool first = true;
  for (const auto& item : range) {
    if (!first) out_ += separator;
    first = false;
    print(item);
  }
  out_ += close;
}

void TextPrinter::Quoted(std::string_view text) {
  out_ += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') out_ += '\\';
    out_ += c;
  }
  out_ += '"';
}

// Names that would be read as the beginning of a type are quoted as well as those that are no identifiers.
void TextPrinter::Name(std::string_view name) {
  if (IsTextIdentifier(name) && !IsTypeWord(name))
    out_ += name;
  else
    Quoted(name);
}

void TextPrinter::Pairs(const StringPairs& pairs) {
  List("[", ", ", "]", pairs, [&](const auto& pair) {
    Quoted(pair.first);
    out_ += ": ";
    Quoted(pair.second);
  });
}

void TextPrinter::Opsets(const std::vector<OpsetImport>& opsets) {
  List("[", ", ", "]", opsets, [&](const OpsetImport& import) {
    Quoted(import.domain);
    Add(" : {}", import.version);
  });
}

void TextPrinter::PrintModel(const Model& model) {
  Header(model);
  if (model.graph) {
    PrintGraph(*model.graph);
  } else {
    Lose(true, "the model has no graph: an empty one is printed");
    out_ += "\"\" () => () {\n}";
  }
  for (const Function& function : model.functions) {
    out_ += "\n\n";
    PrintFunction(function);
  }
  out_ += '\n';
  Lose(!model.training_info.empty(), "training_info");
  Lose(!model.device_configurations.empty(), "configuration");
  Lose(!model.extras.unknown.empty(), "unknown fields of the model");
}

void TextPrinter::Header(const Model& model) {
  Add("<\n   ir_version: {},\n   opset_import: ", model.ir_version);
  Opsets(model.opset_imports);
  const auto property = [&](std::string_view key, const std::string& value) {
    if (value.empty()) return;
    Add(",\n   {}: ", key);
    Quoted(value);
  };
  property("producer_name", model.producer_name);
  property("producer_version", model.producer_version);
  property("domain", model.domain);
  if (model.model_version != 0) Add(",\n   model_version: {}", model.model_version);
  property("doc_string", model.doc);
  if (!model.metadata.empty()) {
    out_ += ",\n   metadata_props: ";
    Pairs(model.metadata);
  }
  out_ += "\n>\n";
}

void TextPrinter::PrintGraph(const Graph& graph) {
  Name(graph.name);
  out_ += ' ';
  List("(", ", ", ")", graph.inputs(), [&](const ValueInfo& info) { Info(info); });
  out_ += " => ";
  List("(", ", ", ") ", graph.outputs(), [&](const ValueInfo& info) { Info(info); });
  Values(graph);
  Nodes(graph);
  LoseGraph(graph);
}

// Initializers and types of inner values.
void TextPrinter::Values(const Graph& graph) {
  if (graph.initializers().empty() && graph.sparse_initializers().empty() && graph.value_info.empty()) return;
  ++indent_;
  bool first = true;
  const auto next = [&] {
    out_ += first ? "\n" : ",\n";
    Indent();
    out_ += first ? '<' : ' ';
    first = false;
  };
  for (const Value* value : graph.initializers()) {
    next();
    Tensor(*value->initializer(), /*is_initializer=*/true);
  }
  for (const Value* value : graph.sparse_initializers()) {
    next();
    Sparse(*value->sparse_initializer(), /*is_initializer=*/true);
  }
  for (const ValueInfo& info : graph.value_info) {
    next();
    Info(info);
  }
  out_ += ">\n";
  --indent_;
  Indent();
}

void TextPrinter::Info(const ValueInfo& info) {
  if (info.type && info.type->known()) {
    PrintType(*info.type);
    out_ += ' ';
  }
  const std::string_view name = info.value ? std::string_view(info.value->name()) : std::string_view();
  Name(name);
  if (options_.losses == nullptr) return;
  const std::string where = fmt::format("value '{}'", name);
  Lose(!info.doc.empty(), "doc_string", where);
  Lose(!info.metadata.empty(), "metadata_props", where);
  Lose(!info.extras.unknown.empty(), "unknown fields", where);
  if (info.type) LoseType(*info.type, where);
}

void TextPrinter::PrintType(const Type& type) {
  switch (type.kind) {
    case Type::Kind::kTensor:
      return TensorType(type);
    case Type::Kind::kSparseTensor:
      out_ += "sparse_tensor(";
      TensorType(type);
      break;
    case Type::Kind::kSequence:
      out_ += "seq(";
      break;
    case Type::Kind::kOptional:
      out_ += "optional(";
      break;
    case Type::Kind::kMap:
      Add("map({}, ", DataTypeName(type.dtype));
      break;
    case Type::Kind::kOpaque: {
      const auto qualified = [&](const std::string& name) {
        for (size_t begin = 0; begin <= name.size();) {
          const size_t end = std::min(name.find('.', begin), name.size());
          if (begin > 0) out_ += '.';
          Name(std::string_view(name).substr(begin, end - begin));
          begin = end + 1;
        }
      };
      out_ += "opaque(";
      if (!type.opaque_domain.empty()) qualified(type.opaque_domain);
      if (!type.opaque_domain.empty()) out_ += ", ";
      if (!type.opaque_name.empty() || !type.opaque_domain.empty()) qualified(type.opaque_name);
      break;
    }
    case Type::Kind::kUnknown:
      out_ += "undefined[]";
      Lose(true, "a type without content");
      return;
  }
  if (type.kind == Type::Kind::kSequence || type.kind == Type::Kind::kOptional || type.kind == Type::Kind::kMap)
    PrintType(type.element ? *type.element : Type());
  out_ += ')';
}

void TextPrinter::TensorType(const Type& type) {
  out_ += DataTypeName(type.dtype);
  Lose(type.raw_dtype != 0, fmt::format("element type {}", type.raw_dtype));
  if (!type.shape) {
    out_ += "[]";
  } else if (type.shape->rank() > 0) {
    List("[", ", ", "]", type.shape->dims(), [&](const Dim& dim) {
      if (dim.is_unknown())
        out_ += '?';
      else if (dim.is_constant())
        Add("{}", dim.value());
      else if (const auto symbol = dim.symbol())
        Name(*symbol);
      else
        Name(dim.ToString());
    });
  }
}

void TextPrinter::Nodes(const Graph& graph) {
  out_ += "{\n";
  ++indent_;
  for (const auto& node : graph.nodes()) PrintNode(*node);
  --indent_;
  Indent();
  out_ += '}';
}

void TextPrinter::PrintNode(const Node& node) {
  Indent();
  if (!node.name.empty()) {
    out_ += '[';
    Name(node.name);
    out_ += "] ";
  }
  const auto name = [&](const Value* value) { Name(value ? std::string_view(value->name()) : std::string_view()); };
  List("", ", ", " = ", node.outputs(), name);
  std::string_view domain = node.domain;
  while (!domain.empty()) {
    const size_t dot = std::min(domain.find('.'), domain.size());
    Name(domain.substr(0, dot));
    out_ += '.';
    domain.remove_prefix(std::min(dot + 1, domain.size()));
  }
  // Unlike a value, an operator may have the name of a type: no type can stand here.
  if (IsTextIdentifier(node.op_type))
    out_ += node.op_type;
  else
    Quoted(node.op_type);
  if (!node.overload.empty()) {
    out_ += ':';
    Name(node.overload);
  }
  // Subgraphs stand after the inputs, where they are easier to read.
  const bool subgraphs = !Subgraphs(node).empty();
  if (!subgraphs) Attributes(node.attributes());
  out_ += ' ';
  List("(", ", ", ")", node.inputs(), name);
  if (subgraphs) Attributes(node.attributes());
  out_ += '\n';
  LoseNode(node);
}

void TextPrinter::Attributes(const std::vector<Attribute>& attributes) {
  if (attributes.empty()) return;
  List(" <", ", ", ">", attributes, [&](const Attribute& attribute) { PrintAttribute(attribute); });
}

void TextPrinter::PrintAttribute(const Attribute& attribute) {
  // Like an operator, an attribute may have the name of a type.
  if (IsTextIdentifier(attribute.name))
    out_ += attribute.name;
  else
    Quoted(attribute.name);
  if (const std::string_view word = AttributeTypeWord(attribute.type); !word.empty()) Add(": {}", word);
  out_ += " = ";
  if (!attribute.ref_attr_name.empty()) {
    out_ += '@';
    Name(attribute.ref_attr_name);
  } else {
    Content(attribute);
  }
  if (options_.losses == nullptr) return;
  const std::string where = fmt::format("attribute '{}'", attribute.name);
  Lose(!attribute.doc.empty(), "doc_string", where);
  Lose(!attribute.extras.unknown.empty(), "unknown fields", where);
}

void TextPrinter::Content(const Attribute& attribute) {
  const auto graph = [&](const std::shared_ptr<Graph>& g) {
    if (g) PrintGraph(*g);
  };
  const auto list = [&](const auto& range, auto&& print) { List("[", ", ", "]", range, print); };
  if (const auto* f = std::get_if<float>(&attribute.value))
    Add("{}", *f);
  else if (const auto* i = std::get_if<int64_t>(&attribute.value))
    Add("{}", *i);
  else if (const auto* s = std::get_if<std::string>(&attribute.value))
    Quoted(*s);
  else if (const auto* t = std::get_if<StoredTensor>(&attribute.value))
    Tensor(*t, false);
  else if (const auto* g = std::get_if<std::shared_ptr<Graph>>(&attribute.value))
    graph(*g);
  else if (const auto* sparse = std::get_if<StoredSparseTensor>(&attribute.value))
    Sparse(*sparse, false);
  else if (const auto* type = std::get_if<Type>(&attribute.value))
    PrintType(*type);
  else if (const auto* floats = std::get_if<std::vector<float>>(&attribute.value))
    list(*floats, [&](float v) { Add("{}", v); });
  else if (const auto* ints = std::get_if<std::vector<int64_t>>(&attribute.value))
    list(*ints, [&](int64_t v) { Add("{}", v); });
  else if (const auto* strings = std::get_if<std::vector<std::string>>(&attribute.value))
    list(*strings, [&](const std::string& v) { Quoted(v); });
  else if (const auto* tensors = std::get_if<std::vector<StoredTensor>>(&attribute.value))
    list(*tensors, [&](const StoredTensor& v) { Tensor(v, false); });
  else if (const auto* graphs = std::get_if<std::vector<std::shared_ptr<Graph>>>(&attribute.value))
    list(*graphs, graph);
  else if (const auto* sparses = std::get_if<std::vector<StoredSparseTensor>>(&attribute.value))
    list(*sparses, [&](const StoredSparseTensor& v) { Sparse(v, false); });
  else if (const auto* types = std::get_if<std::vector<Type>>(&attribute.value))
    list(*types, [&](const Type& v) { PrintType(v); });
  else {
    // An attribute without type and value: the nearest thing that parses.
    out_ += "\"\"";
    Lose(true, fmt::format("attribute '{}' has no value", attribute.name));
  }
}

void TextPrinter::Tensor(const StoredTensor& tensor, bool is_initializer) {
  out_ += DataTypeName(tensor.dtype);
  if (!tensor.dims.empty()) Add("[{}]", fmt::join(tensor.dims, ", "));
  if (!tensor.name.empty() || is_initializer) {
    out_ += ' ';
    Name(tensor.name);
  }
  out_ += is_initializer ? " = " : " ";
  LoseTensor(tensor);
  if (const auto* external = std::get_if<StoredTensor::External>(&tensor.storage)) {
    if (!is_initializer) out_ += "= ";
    return Pairs(external->entries);
  }
  const Status status = PrintElements(tensor, options_.max_elements, &out_);
  if (!status.ok()) Lose(true, status.message());
}

void TextPrinter::Sparse(const StoredSparseTensor& tensor, bool is_initializer) {
  Add("sparse_tensor({}", DataTypeName(tensor.values.dtype));
  if (!tensor.dims.empty()) Add("[{}]", fmt::join(tensor.dims, ", "));
  out_ += ") ";
  if (!tensor.values.name.empty() || is_initializer) {
    Name(tensor.values.name);
    out_ += ' ';
  }
  if (is_initializer) out_ += "= ";
  StoredTensor values = tensor.values;
  values.name.clear();  // stands before
  out_ += '{';
  Tensor(values, false);
  out_ += ", ";
  Tensor(tensor.indices, false);
  out_ += '}';
  Lose(!tensor.extras.unknown.empty(), "unknown fields of a sparse tensor");
}

void TextPrinter::PrintFunction(const Function& function) {
  out_ += "<\n   domain: ";
  Quoted(function.domain);
  if (!function.overload.empty()) {
    out_ += ",\n   overload: ";
    Quoted(function.overload);
  }
  out_ += ",\n   opset_import: ";
  Opsets(function.opset_imports);
  if (!function.doc.empty()) {
    out_ += ",\n   doc_string: ";
    Quoted(function.doc);
  }
  out_ += "\n>\n";
  Name(function.name);
  out_ += ' ';
  if (!function.attributes.empty() || !function.attribute_defaults.empty()) {
    List("<", ", ", function.attribute_defaults.empty() || function.attributes.empty() ? "" : ", ", function.attributes,
         [&](const std::string& name) { Name(name); });
    List("", ", ", "> ", function.attribute_defaults, [&](const Attribute& attribute) { PrintAttribute(attribute); });
  }
  const auto name = [&](const ValueInfo& info) { Name(info.value ? std::string_view(info.value->name()) : std::string_view()); };
  static const Graph* const kEmpty = new Graph();
  const Graph& body = function.body ? *function.body : *kEmpty;
  List("(", ", ", ")", body.inputs(), name);
  out_ += " => ";
  List("(", ", ", ") ", body.outputs(), name);
  Values(body);
  Nodes(body);
  const std::string where = fmt::format("function '{}'", function.name);
  Lose(!function.metadata.empty(), "metadata_props", where);
  Lose(!function.extras.unknown.empty(), "unknown fields", where);
}

}  // namespace

std::string PrintText(const Model& model, const PrintTextOptions& options) {
  TextPrinter printer(options);
  printer.PrintModel(model);
  return printer.Take();
}

std::string PrintText(const Graph& graph, const PrintTextOptions& options) {
  TextPrinter printer(options);
  printer.PrintGraph(graph);
  return printer.Take();
}

std::string PrintText(const Function& function, const PrintTextOptions& options) {
  TextPrinter printer(options);
  printer.PrintFunction(function);
  return printer.Take();
}

}  // namespace sardonyx::ir
