// ModelProto, GraphProto, NodeProto, AttributeProto, FunctionProto and their parts.
//
// A graph is read in two passes: all its definitions first, then the nodes that use them, so that nodes may stand in any
// order and subgraphs see every name around them.
#include <fmt/format.h>

#include "base/status_macros.h"
#include "ir/onnx_wire.h"
#include "ir/read_fields.h"

namespace sardonyx::ir {

Status MessageReader::ReadOpset(std::string_view message, OpsetImport* opset) {
  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        TakeString(reader, &opset->extras, &opset->domain);
        break;
      case 2:
        TakeInt(reader, &opset->extras, &opset->version);
        break;
      default:
        KeepUnknown(reader, &opset->extras);
    }
  }
  return reader.status();
}

Status MessageReader::ReadModel(std::string_view message, Model* model) {
  Extras* extras = &model->extras;
  std::vector<std::string_view> training, functions;
  std::string_view graph;
  bool has_graph = false;
  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        TakeInt(reader, extras, &model->ir_version);
        break;
      case 2:
        TakeString(reader, extras, &model->producer_name);
        break;
      case 3:
        TakeString(reader, extras, &model->producer_version);
        break;
      case 4:
        TakeString(reader, extras, &model->domain);
        break;
      case 5:
        TakeInt(reader, extras, &model->model_version);
        break;
      case 6:
        TakeString(reader, extras, &model->doc);
        break;
      case 7:
        if (!IsMessage(reader, extras)) break;
        if (has_graph) return Corrupt(fmt::format("a second graph at byte {}", reader.offset()));
        has_graph = true;
        graph = reader.bytes();
        break;
      case 8:
        if (!IsMessage(reader, extras)) break;
        model->opset_imports.emplace_back();
        RETURN_IF_ERROR(ReadOpset(reader.bytes(), &model->opset_imports.back()));
        break;
      case 14:
        if (IsMessage(reader, extras)) RETURN_IF_ERROR(ReadStringPair(reader.bytes(), &model->metadata));
        break;
      case 20:
        if (IsMessage(reader, extras)) training.push_back(reader.bytes());
        break;
      case 25:
        if (IsMessage(reader, extras)) functions.push_back(reader.bytes());
        break;
      case 26:
        if (IsMessage(reader, extras)) model->device_configurations.emplace_back(reader.bytes());
        break;
      default:
        KeepUnknown(reader, extras);
    }
  }
  RETURN_IF_ERROR(reader.status());
  if (has_graph) {
    model->graph = std::make_unique<Graph>();
    RETURN_IF_ERROR(ReadGraph(graph, 0, model->graph.get()).WithContext("graph"));
  }
  for (std::string_view one : training) {
    model->training_info.emplace_back();
    RETURN_IF_ERROR(ReadTrainingInfo(one, &model->training_info.back()).WithContext("training_info"));
  }
  for (std::string_view one : functions) {
    model->functions.emplace_back();
    RETURN_IF_ERROR(ReadFunction(one, &model->functions.back()));
  }
  return {};
}

Status MessageReader::ReadTrainingInfo(std::string_view message, TrainingInfo* info) {
  WireReader reader(message);
  while (reader.Next()) {
    const int field = reader.field();
    if (field < 1 || field > 4) {
      KeepUnknown(reader, &info->extras);
    } else if (!IsMessage(reader, &info->extras)) {
      continue;
    } else if (field <= 2) {
      auto graph = std::make_unique<Graph>();
      RETURN_IF_ERROR(ReadGraph(reader.bytes(), 0, graph.get()));
      (field == 1 ? info->initialization : info->algorithm) = std::move(graph);
    } else {
      RETURN_IF_ERROR(ReadStringPair(reader.bytes(), field == 3 ? &info->initialization_binding : &info->update_binding));
    }
  }
  return reader.status();
}

Status MessageReader::ReadAnnotation(std::string_view message, QuantizationAnnotation* annotation) {
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 1)
      TakeString(reader, &annotation->extras, &annotation->tensor_name);
    else if (reader.field() == 2 && IsMessage(reader, &annotation->extras))
      RETURN_IF_ERROR(ReadStringPair(reader.bytes(), &annotation->parameters));
    else if (reader.field() != 2)
      KeepUnknown(reader, &annotation->extras);
  }
  return reader.status();
}

Status MessageReader::ReadValueInfo(std::string_view message, std::string* name, ValueInfo* info) {
  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        TakeString(reader, &info->extras, name);
        break;
      case 2:
        if (!IsMessage(reader, &info->extras)) break;
        info->type.emplace();
        RETURN_IF_ERROR(ReadType(reader.bytes(), 0, &*info->type).WithContext(fmt::format("type of '{}'", *name)));
        break;
      case 3:
        TakeString(reader, &info->extras, &info->doc);
        break;
      case 4:
        if (IsMessage(reader, &info->extras)) RETURN_IF_ERROR(ReadStringPair(reader.bytes(), &info->metadata));
        break;
      default:
        KeepUnknown(reader, &info->extras);
    }
  }
  return reader.status();
}

Status MessageReader::AddInputs(const std::vector<std::string_view>& messages, Graph* graph) {
  for (std::string_view message : messages) {
    std::string name;
    ValueInfo info;
    RETURN_IF_ERROR(ReadValueInfo(message, &name, &info));
    info.value = graph->AddValue(name, /*keep_duplicate=*/true);
    graph->AddInput(std::move(info));
  }
  return {};
}

// graph.output and graph.value_info: names that nothing defines become undefined values.
Status MessageReader::AddOutputs(const std::vector<std::string_view>& messages, Graph* graph, bool outputs) {
  for (std::string_view message : messages) {
    std::string name;
    ValueInfo info;
    RETURN_IF_ERROR(ReadValueInfo(message, &name, &info));
    info.value = outputs ? graph->FindInScope(name) : graph->Find(name);
    if (!info.value) info.value = graph->AddValue(name, /*keep_duplicate=*/true);
    if (outputs) {
      graph->AddOutput(std::move(info));
    } else {
      if (info.type && !info.value->type.known()) info.value->type = *info.type;
      graph->value_info.push_back(std::move(info));
    }
  }
  return {};
}

Status MessageReader::ReadGraph(std::string_view message, int depth, Graph* graph) {
  if (depth > options_.max_graph_depth) return Corrupt(fmt::format("graphs nested deeper than {}", options_.max_graph_depth));
  Extras* extras = &graph->extras;
  std::vector<std::string_view> nodes, inputs, outputs, infos, initializers, sparse_initializers;
  WireReader reader(message);
  while (reader.Next()) {
    std::vector<std::string_view>* list = nullptr;
    switch (reader.field()) {
      case 1:
        list = &nodes;
        break;
      case 2:
        TakeString(reader, extras, &graph->name);
        continue;
      case 5:
        list = &initializers;
        break;
      case 10:
        TakeString(reader, extras, &graph->doc);
        continue;
      case 11:
        list = &inputs;
        break;
      case 12:
        list = &outputs;
        break;
      case 13:
        list = &infos;
        break;
      case 14:
        if (!IsMessage(reader, extras)) continue;
        graph->quantization_annotations.emplace_back();
        RETURN_IF_ERROR(ReadAnnotation(reader.bytes(), &graph->quantization_annotations.back()));
        continue;
      case 15:
        list = &sparse_initializers;
        break;
      case 16:
        if (IsMessage(reader, extras)) RETURN_IF_ERROR(ReadStringPair(reader.bytes(), &graph->metadata));
        continue;
      default:
        KeepUnknown(reader, extras);
        continue;
    }
    if (IsMessage(reader, extras)) list->push_back(reader.bytes());
  }
  RETURN_IF_ERROR(reader.status());

  RETURN_IF_ERROR(AddInputs(inputs, graph));
  for (std::string_view one : initializers) {
    StoredTensor tensor;
    RETURN_IF_ERROR(ReadTensor(one, &tensor).WithContext("initializer"));
    Value* value = graph->Find(tensor.name);
    if (!value || value->initializer()) value = graph->AddValue(tensor.name, /*keep_duplicate=*/true);
    graph->SetInitializer(value, std::move(tensor));
  }
  for (std::string_view one : sparse_initializers) {
    StoredSparseTensor tensor;
    RETURN_IF_ERROR(ReadSparseTensor(one, &tensor).WithContext("sparse initializer"));
    Value* value = graph->Find(tensor.values.name);
    if (!value || value->sparse_initializer()) value = graph->AddValue(tensor.values.name, /*keep_duplicate=*/true);
    graph->SetSparseInitializer(value, std::move(tensor));
  }
  std::vector<PendingNode> pending;
  for (std::string_view one : nodes) RETURN_IF_ERROR(DeclareNode(one, graph, &pending));
  for (const PendingNode& one : pending) {
    Status status = ReadNode(one.message, depth, one.node);
    if (!status.ok()) return status.WithContext(fmt::format("node {}", one.node->Label()));
  }
  RETURN_IF_ERROR(AddOutputs(infos, graph, /*outputs=*/false));
  return AddOutputs(outputs, graph, /*outputs=*/true);
}

// First pass over a node: what it defines.
Status MessageReader::DeclareNode(std::string_view message, Graph* graph, std::vector<PendingNode>* pending) {
  Node* node = graph->AddNode("");
  Extras ignored;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == 2 && reader.type() == WireType::kLength) {
      const std::string_view name = reader.bytes();
      if (name.empty()) {
        node->AddOutput(nullptr);
        continue;
      }
      // Keep a first definition first; a second one of that name is a value of its own.
      node->AddOutput(graph->AddValue(name, /*keep_duplicate=*/true));
    } else if (reader.field() == 3) {
      TakeString(reader, &ignored, &node->name);
    } else if (reader.field() == 4) {
      TakeString(reader, &ignored, &node->op_type);
    }
  }
  pending->push_back({message, node});
  return reader.status().WithContext(fmt::format("node {}", node->Label()));
}

Status MessageReader::ReadNode(std::string_view message, int depth, Node* node) {
  Extras* extras = &node->extras;
  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1: {
        std::string name;
        if (!IsMessage(reader, extras)) break;
        if (reader.bytes().empty()) {
          node->ResizeInputs(node->inputs().size() + 1);
          break;
        }
        Value* value = node->graph()->FindInScope(reader.bytes());
        if (!value) value = node->graph()->AddValue(reader.bytes());
        node->AddInput(value);
        break;
      }
      case 2:
        IsMessage(reader, extras);
        break;  // declared before
      case 3:
        TakeString(reader, extras, &node->name);
        break;
      case 4:
        TakeString(reader, extras, &node->op_type);
        break;
      case 5: {
        if (!IsMessage(reader, extras)) break;
        Attribute attribute;
        Status status = ReadAttribute(reader.bytes(), depth, node, &attribute);
        if (!status.ok()) return status.WithContext(fmt::format("attribute '{}'", attribute.name));
        node->mutable_attributes().push_back(std::move(attribute));
        break;
      }
      case 6:
        TakeString(reader, extras, &node->doc);
        break;
      case 7:
        TakeString(reader, extras, &node->domain);
        break;
      case 8:
        TakeString(reader, extras, &node->overload);
        break;
      case 9:
        if (IsMessage(reader, extras)) RETURN_IF_ERROR(ReadStringPair(reader.bytes(), &node->metadata));
        break;
      case 10:
        if (IsMessage(reader, extras)) node->device_configurations.emplace_back(reader.bytes());
        break;
      default:
        KeepUnknown(reader, extras);
    }
  }
  return reader.status();
}

namespace {

// AttributeProto's field for the content of each type.
AttributeType TypeOfField(int field) {
  switch (field) {
    case 2:
      return AttributeType::kFloat;
    case 3:
      return AttributeType::kInt;
    case 4:
      return AttributeType::kString;
    case 5:
      return AttributeType::kTensor;
    case 6:
      return AttributeType::kGraph;
    case 7:
      return AttributeType::kFloats;
    case 8:
      return AttributeType::kInts;
    case 9:
      return AttributeType::kStrings;
    case 10:
      return AttributeType::kTensors;
    case 11:
      return AttributeType::kGraphs;
    case 14:
      return AttributeType::kTypeProto;
    case 15:
      return AttributeType::kTypeProtos;
    case 22:
      return AttributeType::kSparseTensor;
    case 23:
      return AttributeType::kSparseTensors;
    default:
      return AttributeType::kUndefined;
  }
}

// The content that a proto3 writer left out: zero or empty.
Attribute::Content EmptyContent(AttributeType type) {
  switch (type) {
    case AttributeType::kFloat:
      return 0.0f;
    case AttributeType::kInt:
      return int64_t{0};
    case AttributeType::kString:
      return std::string();
    case AttributeType::kFloats:
      return std::vector<float>();
    case AttributeType::kInts:
      return std::vector<int64_t>();
    case AttributeType::kStrings:
      return std::vector<std::string>();
    case AttributeType::kTensors:
      return std::vector<StoredTensor>();
    case AttributeType::kGraphs:
      return std::vector<std::shared_ptr<Graph>>();
    case AttributeType::kSparseTensors:
      return std::vector<StoredSparseTensor>();
    case AttributeType::kTypeProtos:
      return std::vector<Type>();
    default:
      return std::monostate();
  }
}

// The list in `content`, made if it holds nothing yet.
template <class T>
std::vector<T>& ListOf(Attribute::Content& content) {
  if (!std::holds_alternative<std::vector<T>>(content)) content = std::vector<T>();
  return std::get<std::vector<T>>(content);
}

}  // namespace

// Reads a field that holds content of the attribute's type; *taken says whether it did.
Status MessageReader::ReadAttributeValue(const WireReader& field, int depth, Node* owner, Attribute* attribute, bool* taken) {
  Extras* extras = &attribute->extras;
  Attribute::Content& content = attribute->value;
  *taken = true;
  const auto read_graph = [&](std::shared_ptr<Graph>* graph) {
    *graph = std::make_shared<Graph>();
    (*graph)->SetOwner(owner);
    return ReadGraph(field.bytes(), depth + 1, graph->get());
  };
  if (attribute->type != AttributeType::kFloat && attribute->type != AttributeType::kInt && attribute->type != AttributeType::kFloats &&
      attribute->type != AttributeType::kInts && !IsMessage(field, extras))
    return {};
  switch (attribute->type) {
    case AttributeType::kFloat: {
      float value = 0;
      if (TakeFloat(field, extras, &value)) content = value;
      return {};
    }
    case AttributeType::kInt: {
      int64_t value = 0;
      Extras ignored;
      if (TakeInt(field, &ignored, &value)) content = value;
      return {};
    }
    case AttributeType::kString:
      content = std::string(field.bytes());
      return {};
    case AttributeType::kTensor:
      return ReadTensor(field.bytes(), &content.emplace<StoredTensor>());
    case AttributeType::kGraph:
      return read_graph(&content.emplace<std::shared_ptr<Graph>>());
    case AttributeType::kFloats:
      return TakeFloats(field, extras, &ListOf<float>(content), &attribute->packed);
    case AttributeType::kInts:
      return TakeInts(field, extras, &ListOf<int64_t>(content), &attribute->packed);
    case AttributeType::kStrings:
      ListOf<std::string>(content).emplace_back(field.bytes());
      return {};
    case AttributeType::kTensors:
      return ReadTensor(field.bytes(), &ListOf<StoredTensor>(content).emplace_back());
    case AttributeType::kGraphs:
      return read_graph(&ListOf<std::shared_ptr<Graph>>(content).emplace_back());
    case AttributeType::kSparseTensor:
      return ReadSparseTensor(field.bytes(), &content.emplace<StoredSparseTensor>());
    case AttributeType::kSparseTensors:
      return ReadSparseTensor(field.bytes(), &ListOf<StoredSparseTensor>(content).emplace_back());
    case AttributeType::kTypeProto:
      return ReadType(field.bytes(), 0, &content.emplace<Type>());
    case AttributeType::kTypeProtos:
      return ReadType(field.bytes(), 0, &ListOf<Type>(content).emplace_back());
    case AttributeType::kUndefined:
      break;
  }
  *taken = false;
  return {};
}

Status MessageReader::ReadAttribute(std::string_view message, int depth, Node* owner, Attribute* attribute) {
  Extras* extras = &attribute->extras;
  // The type stands last in the file but decides how the rest is read.
  int32_t number = 0;
  bool has_type = false;
  AttributeType guessed = AttributeType::kUndefined;
  {
    WireReader reader(message);
    while (reader.Next()) {
      if (reader.field() == 20 && reader.type() == WireType::kVarint) {
        number = static_cast<int32_t>(reader.varint());
        has_type = true;
      } else if (guessed == AttributeType::kUndefined) {
        guessed = TypeOfField(reader.field());
      }
    }
    RETURN_IF_ERROR(reader.status());
  }
  if (has_type && number == 0) extras->Set(20);
  if (!has_type) extras->Set(19);  // bit 19 is no field: the type was told from the content
  attribute->type = has_type ? static_cast<AttributeType>(number) : guessed;
  if (number < 0 || number > static_cast<int32_t>(AttributeType::kTypeProtos)) attribute->type = AttributeType::kUndefined;

  attribute->omitted = true;
  WireReader reader(message);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        TakeString(reader, extras, &attribute->name);
        break;
      case 13:
        TakeString(reader, extras, &attribute->doc);
        break;
      case 20:
        if (reader.type() != WireType::kVarint || (attribute->type == AttributeType::kUndefined && number != 0))
          KeepUnknown(reader, extras);
        break;
      case 21:
        TakeString(reader, extras, &attribute->ref_attr_name);
        break;
      default: {
        bool taken = false;
        if (TypeOfField(reader.field()) == attribute->type && attribute->type != AttributeType::kUndefined) {
          RETURN_IF_ERROR(ReadAttributeValue(reader, depth, owner, attribute, &taken));
          if (taken) attribute->omitted = false;
        }
        if (!taken) KeepUnknown(reader, extras);
      }
    }
  }
  if (attribute->omitted && attribute->ref_attr_name.empty()) attribute->value = EmptyContent(attribute->type);
  return reader.status();
}

Status MessageReader::ReadFunction(std::string_view message, Function* function) {
  Extras* extras = &function->extras;
  function->body = std::make_unique<Graph>();
  Graph* body = function->body.get();
  std::vector<std::string_view> nodes, infos;
  std::vector<std::string> outputs;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.type() != WireType::kLength) {
      KeepUnknown(reader, extras);
      continue;
    }
    const std::string_view bytes = reader.bytes();
    switch (reader.field()) {
      case 1:
        TakeString(reader, extras, &function->name);
        break;
      case 4: {
        ValueInfo info;
        info.value = body->AddValue(bytes, /*keep_duplicate=*/true);
        body->AddInput(std::move(info));
        break;
      }
      case 5:
        outputs.emplace_back(bytes);
        break;
      case 6:
        function->attributes.emplace_back(bytes);
        break;
      case 7:
        nodes.push_back(bytes);
        break;
      case 8:
        TakeString(reader, extras, &function->doc);
        break;
      case 9:
        RETURN_IF_ERROR(ReadOpset(bytes, &function->opset_imports.emplace_back()));
        break;
      case 10:
        TakeString(reader, extras, &function->domain);
        break;
      case 11:
        RETURN_IF_ERROR(ReadAttribute(bytes, 0, nullptr, &function->attribute_defaults.emplace_back()));
        break;
      case 12:
        infos.push_back(bytes);
        break;
      case 13:
        TakeString(reader, extras, &function->overload);
        break;
      case 14:
        RETURN_IF_ERROR(ReadStringPair(bytes, &function->metadata));
        break;
      default:
        KeepUnknown(reader, extras);
    }
  }
  const std::string where = fmt::format("function '{}.{}'", function->domain, function->name);
  RETURN_IF_ERROR(reader.status().WithContext(where));
  std::vector<PendingNode> pending;
  for (std::string_view one : nodes) RETURN_IF_ERROR(DeclareNode(one, body, &pending).WithContext(where));
  for (const PendingNode& one : pending) {
    Status status = ReadNode(one.message, 0, one.node);
    if (!status.ok()) return status.WithContext(fmt::format("{}: node {}", where, one.node->Label()));
  }
  for (const std::string& name : outputs) {
    ValueInfo info;
    info.value = body->Find(name);
    if (!info.value) info.value = body->AddValue(name, /*keep_duplicate=*/true);
    body->AddOutput(std::move(info));
  }
  return AddOutputs(infos, body, /*outputs=*/false).WithContext(where);
}

}  // namespace sardonyx::ir
