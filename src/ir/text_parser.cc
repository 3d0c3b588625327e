#include "ir/text_parser.h"

#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/descriptor_writer.h"
#include "ir/load.h"
#include "ir/text.h"

namespace sardonyx::ir {
namespace {

void Append(int field, std::string_view value, std::string* out) { MessageWriter(out).String(field, value); }

// What makes a message with nothing else a model that the loader reads.
std::string ModelWithVersion() {
  std::string wire;
  MessageWriter(&wire).Int(1, kNewestIrVersion);
  return wire;
}

}  // namespace

Status TextParser::ExpectEnd() { return reader_.AtEnd() ? Status() : reader_.Expected("the end of the text"); }

StatusOr<std::string> TextParser::Model() {
  std::string model;
  if (reader_.Peek() == '<') RETURN_IF_ERROR(ModelHeader(&model));
  ASSIGN_OR_RETURN(const std::string graph, Graph(0));
  Append(7, graph, &model);
  while (!reader_.AtEnd()) {
    ASSIGN_OR_RETURN(const std::string function, Function());
    Append(25, function, &model);
  }
  return model;
}

Status TextParser::ModelHeader(std::string* model) {
  constexpr std::string_view kKeys =
      "one of ir_version, opset_import, producer_name, producer_version, domain, model_version, doc_string, metadata_props";
  RETURN_IF_ERROR(reader_.Expect('<', "before the model's properties"));
  do {
    const size_t begin = reader_.position();
    ASSIGN_OR_RETURN(const std::string key, reader_.Identifier(kKeys));
    RETURN_IF_ERROR(reader_.Expect(':', fmt::format("after {}", key)));
    const int integer_field = key == "ir_version" ? 1 : key == "model_version" ? 5 : 0;
    const int string_field = key == "producer_name" ? 2 : key == "producer_version" ? 3 : key == "domain" ? 4 : key == "doc_string" ? 6 : 0;
    if (integer_field) {
      ASSIGN_OR_RETURN(const int64_t value, reader_.Int64(fmt::format("the number {}", key)));
      MessageWriter(model).Int(integer_field, value);
    } else if (string_field) {
      ASSIGN_OR_RETURN(const std::string value, reader_.String(fmt::format("the string {}", key)));
      Append(string_field, value, model);
    } else if (key == "opset_import") {
      RETURN_IF_ERROR(OpsetImports(8, model));
    } else if (key == "metadata_props") {
      RETURN_IF_ERROR(StringPairs(14, model));
    } else {
      return reader_.ErrorAt(begin, fmt::format("expected {}, found '{}'", kKeys, key));
    }
  } while (reader_.Accept(','));
  return reader_.Expect('>', "after the model's properties");
}

Status TextParser::OpsetImports(int field, std::string* out) {
  RETURN_IF_ERROR(reader_.Expect('[', "before the opset imports"));
  if (reader_.Accept(']')) return {};
  do {
    std::string import;
    ASSIGN_OR_RETURN(const std::string domain, reader_.String("a domain in quotes"));
    RETURN_IF_ERROR(reader_.Expect(':', "between domain and version"));
    ASSIGN_OR_RETURN(const int64_t version, reader_.Int64("an opset version"));
    Append(1, domain, &import);
    MessageWriter(&import).Int(2, version);
    Append(field, import, out);
  } while (reader_.Accept(','));
  return reader_.Expect(']', "after the opset imports");
}

Status TextParser::StringPairs(int field, std::string* out) {
  RETURN_IF_ERROR(reader_.Expect('[', "before the pairs of strings"));
  if (reader_.Accept(']')) return {};
  do {
    std::string pair;
    ASSIGN_OR_RETURN(const std::string key, reader_.String("a key in quotes"));
    RETURN_IF_ERROR(reader_.Expect(':', "between key and value"));
    ASSIGN_OR_RETURN(const std::string value, reader_.String("a value in quotes"));
    Append(1, key, &pair);
    Append(2, value, &pair);
    Append(field, pair, out);
  } while (reader_.Accept(','));
  return reader_.Expect(']', "after the pairs of strings");
}

StatusOr<std::string> TextParser::Graph(int depth) {
  ASSIGN_OR_RETURN(const std::string name, reader_.Name("the name of a graph"));
  return GraphAfterName(name, depth);
}

StatusOr<std::string> TextParser::GraphAfterName(std::string_view name, int depth) {
  if (depth > LoadOptions().max_graph_depth)
    return reader_.ErrorAt(reader_.position(), fmt::format("graphs nested more than {} deep", LoadOptions().max_graph_depth));
  std::string inputs, outputs, initializers, sparse_initializers, value_info, graph;
  RETURN_IF_ERROR(GraphInputs(&inputs, &initializers, &sparse_initializers));
  RETURN_IF_ERROR(reader_.ExpectArrow());
  RETURN_IF_ERROR(GraphOutputs(&outputs));
  RETURN_IF_ERROR(GraphValues(&value_info, &initializers, &sparse_initializers));
  RETURN_IF_ERROR(Nodes(1, depth, &graph));
  Append(2, name, &graph);
  return graph + initializers + inputs + outputs + value_info + sparse_initializers;
}

Status TextParser::Initializer(const ParsedType& type, std::string_view name, std::string* initializers, std::string* sparse_initializers) {
  if (type.is_sparse) {
    ASSIGN_OR_RETURN(const std::string tensor, SparseTensorData(type, name));
    Append(15, tensor, sparse_initializers);
  } else {
    ASSIGN_OR_RETURN(const std::string tensor, TensorData(type, name));
    Append(5, tensor, initializers);
  }
  return {};
}

Status TextParser::GraphInputs(std::string* inputs, std::string* initializers, std::string* sparse_initializers) {
  RETURN_IF_ERROR(reader_.Expect('(', "before the graph's inputs"));
  if (reader_.Accept(')')) return {};
  do {
    ParsedType type;
    std::string name;
    ASSIGN_OR_RETURN(const std::string info, ValueInfo(&type, &name));
    Append(11, info, inputs);
    if (reader_.Accept('=')) RETURN_IF_ERROR(Initializer(type, name, initializers, sparse_initializers));
  } while (reader_.Accept(','));
  return reader_.Expect(')', "after the graph's inputs");
}

Status TextParser::GraphOutputs(std::string* outputs) {
  RETURN_IF_ERROR(reader_.Expect('(', "before the graph's outputs"));
  if (reader_.Accept(')')) return {};
  do {
    ParsedType type;
    std::string name;
    ASSIGN_OR_RETURN(const std::string info, ValueInfo(&type, &name));
    Append(12, info, outputs);
  } while (reader_.Accept(','));
  return reader_.Expect(')', "after the graph's outputs");
}

Status TextParser::GraphValues(std::string* value_info, std::string* initializers, std::string* sparse_initializers) {
  if (!reader_.Accept('<') || reader_.Accept('>')) return {};
  do {
    ParsedType type;
    std::string name;
    ASSIGN_OR_RETURN(const std::string info, ValueInfo(&type, &name));
    if (reader_.Accept('=')) {
      RETURN_IF_ERROR(Initializer(type, name, initializers, sparse_initializers));
    } else {
      Append(13, info, value_info);
    }
  } while (reader_.Accept(','));
  return reader_.Expect('>', "after the graph's initializers and value types");
}

StatusOr<std::string> TextParser::Function() {
  std::string function, inputs, outputs, attributes, defaults, value_info, nodes;
  if (reader_.Peek() == '<') RETURN_IF_ERROR(FunctionHeader(&function));
  ASSIGN_OR_RETURN(const std::string name, reader_.Name("the name of a function"));
  RETURN_IF_ERROR(FunctionAttributes(&attributes, &defaults));
  RETURN_IF_ERROR(FunctionNames(4, &inputs, &value_info));
  RETURN_IF_ERROR(reader_.ExpectArrow());
  RETURN_IF_ERROR(FunctionNames(5, &outputs, &value_info));
  if (reader_.Accept('<') && !reader_.Accept('>')) {
    do {
      ParsedType type;
      std::string value;
      ASSIGN_OR_RETURN(const std::string info, ValueInfo(&type, &value));
      Append(12, info, &value_info);
    } while (reader_.Accept(','));
    RETURN_IF_ERROR(reader_.Expect('>', "after the function's value types"));
  }
  RETURN_IF_ERROR(Nodes(7, 0, &nodes));
  Append(1, name, &function);
  return function + inputs + outputs + attributes + nodes + defaults + value_info;
}

Status TextParser::FunctionHeader(std::string* function) {
  constexpr std::string_view kKeys = "one of domain, opset_import, overload, doc_string, metadata_props";
  RETURN_IF_ERROR(reader_.Expect('<', "before the function's properties"));
  do {
    const size_t begin = reader_.position();
    ASSIGN_OR_RETURN(const std::string key, reader_.Identifier(kKeys));
    RETURN_IF_ERROR(reader_.Expect(':', fmt::format("after {}", key)));
    const int string_field = key == "domain" ? 10 : key == "overload" ? 13 : key == "doc_string" ? 8 : 0;
    if (string_field) {
      ASSIGN_OR_RETURN(const std::string value, reader_.String(fmt::format("the string {}", key)));
      Append(string_field, value, function);
    } else if (key == "opset_import") {
      RETURN_IF_ERROR(OpsetImports(9, function));
    } else if (key == "metadata_props") {
      RETURN_IF_ERROR(StringPairs(14, function));
    } else {
      return reader_.ErrorAt(begin, fmt::format("expected {}, found '{}'", kKeys, key));
    }
  } while (reader_.Accept(','));
  return reader_.Expect('>', "after the function's properties");
}

Status TextParser::FunctionAttributes(std::string* names, std::string* defaults) {
  if (!reader_.Accept('<') || reader_.Accept('>')) return {};
  do {
    ASSIGN_OR_RETURN(const std::string name, reader_.Name("the name of an attribute"));
    if (const char next = reader_.Peek(); next == ':' || next == '=') {
      ASSIGN_OR_RETURN(const std::string attribute, AttributeAfterName(name, 0));
      Append(11, attribute, defaults);
    } else {
      Append(6, name, names);
    }
  } while (reader_.Accept(','));
  return reader_.Expect('>', "after the function's attributes");
}

// Inputs and outputs of a function: names, of which some have types.
Status TextParser::FunctionNames(int field, std::string* names, std::string* value_info) {
  RETURN_IF_ERROR(reader_.Expect('(', "before the function's inputs or outputs"));
  if (reader_.Accept(')')) return {};
  do {
    ParsedType type;
    std::string name;
    ASSIGN_OR_RETURN(const std::string info, ValueInfo(&type, &name));
    Append(field, name, names);
    if (!type.wire.empty()) Append(12, info, value_info);
  } while (reader_.Accept(','));
  return reader_.Expect(')', "after the function's inputs or outputs");
}

Status TextParser::Nodes(int field, int depth, std::string* out) {
  RETURN_IF_ERROR(reader_.Expect('{', "before the nodes"));
  while (!reader_.Accept('}')) {
    ASSIGN_OR_RETURN(const std::string node, Node(depth));
    Append(field, node, out);
  }
  return {};
}

StatusOr<std::string> TextParser::Node(int depth) {
  std::string inputs, outputs, attributes, name, op_type, domain, overload;
  bool has_name = false;
  if (reader_.Accept('[')) {
    ASSIGN_OR_RETURN(name, reader_.OptionalName(&has_name));
    RETURN_IF_ERROR(reader_.Expect(']', "after the node's name"));
  }
  RETURN_IF_ERROR(NameList(2, &outputs));
  RETURN_IF_ERROR(reader_.Expect('=', "after the node's outputs, or '}' after the last node"));
  RETURN_IF_ERROR(OperatorName(&op_type, &domain, &overload));
  RETURN_IF_ERROR(AttributeList(5, depth, &attributes));
  RETURN_IF_ERROR(reader_.Expect('(', "before the node's inputs"));
  RETURN_IF_ERROR(NameList(1, &inputs));
  RETURN_IF_ERROR(reader_.Expect(')', "after the node's inputs"));
  if (attributes.empty()) RETURN_IF_ERROR(AttributeList(5, depth, &attributes));
  std::string node = inputs + outputs;
  if (has_name) Append(3, name, &node);
  Append(4, op_type, &node);
  node += attributes;
  if (!domain.empty()) Append(7, domain, &node);
  if (!overload.empty()) Append(8, overload, &node);
  return node;
}

// Names between commas, where nothing before a comma means an omitted one: (,x) is ("", x), (x,) is (x).
Status TextParser::NameList(int field, std::string* out) {
  while (true) {
    bool found = false;
    ASSIGN_OR_RETURN(const std::string name, reader_.OptionalName(&found));
    const bool more = reader_.Accept(',');
    if (found || more) Append(field, name, out);
    if (!more) return {};
  }
}

// `domain.with.dots.Operator:overload`; any part may be quoted.
Status TextParser::OperatorName(std::string* op_type, std::string* domain, std::string* overload) {
  ASSIGN_OR_RETURN(*op_type, reader_.Name("an operator"));
  bool has_domain = false;
  while (reader_.Accept('.')) {
    if (has_domain) domain->push_back('.');
    has_domain = true;
    domain->append(*op_type);
    ASSIGN_OR_RETURN(*op_type, reader_.Name("an operator after its domain"));
  }
  if (reader_.Accept(':')) {
    ASSIGN_OR_RETURN(*overload, reader_.Name("the name of an overload"));
  }
  return {};
}

StatusOr<std::string> TextToWire(std::string_view text) { return TextParser(text).Model(); }

StatusOr<std::unique_ptr<Model>> ParseText(std::string_view text, const std::filesystem::path& folder) {
  ASSIGN_OR_RETURN(std::string wire, TextToWire(text));
  return ParseModel(Bytes::Own(std::move(wire)), folder);
}

StatusOr<std::unique_ptr<Graph>> ParseGraphText(std::string_view text) {
  TextParser parser(text);
  ASSIGN_OR_RETURN(const std::string graph, parser.Graph(0));
  RETURN_IF_ERROR(parser.ExpectEnd());
  std::string wire = ModelWithVersion();
  Append(7, graph, &wire);
  ASSIGN_OR_RETURN(auto model, ParseModel(Bytes::Own(std::move(wire)), {}));
  return std::move(model->graph);
}

StatusOr<Function> ParseFunctionText(std::string_view text) {
  TextParser parser(text);
  ASSIGN_OR_RETURN(const std::string function, parser.Function());
  RETURN_IF_ERROR(parser.ExpectEnd());
  std::string wire = ModelWithVersion();
  Append(25, function, &wire);
  ASSIGN_OR_RETURN(auto model, ParseModel(Bytes::Own(std::move(wire)), {}));
  if (model->functions.empty()) return Internal("the text of a function became no function");
  return std::move(model->functions.front());
}

}  // namespace sardonyx::ir
