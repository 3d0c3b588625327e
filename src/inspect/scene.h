// Scene: what is drawn of one graph, before it has places: boxes with their text, and the nets between them.
#pragma once

#include <string>
#include <vector>

#include "inspect/layout.h"
#include "inspect/op_table.h"
#include "ir/model.h"

namespace sardonyx::inspect {

struct SceneBox {
  enum class Kind { kNode, kInput, kOutput, kOuter };  // kOuter: a value of the graph around
  Kind kind = Kind::kNode;
  const ir::Node* node = nullptr;
  const ir::Value* value = nullptr;  // inputs, outputs, outer values
  Family family = Family::kOther;
  std::string title;               // operator, or the value's name
  std::vector<std::string> lines;  // name, weights, attributes; of inputs and outputs their type
  bool has_name_line = false;      // lines[0] is the node's name
};

struct SceneNet {
  const ir::Value* value = nullptr;
  std::string label;  // its shape
  int source = 0;
  std::vector<int> targets;
};

struct Scene {
  std::string title;
  const ir::Graph* graph = nullptr;
  std::vector<SceneBox> boxes;
  std::vector<SceneNet> nets;
  size_t folded_nodes = 0;  // not drawn: they compute constants
};

struct SceneOptions {
  bool fold_constants = true;  // nodes that compute constants appear as weights of their readers
  size_t max_scenes = 200;     // subgraphs and functions beyond that are left out
};

// The main graph, then its subgraphs and the functions, each under a title that says where it belongs.
std::vector<Scene> MakeScenes(const ir::Model& model, const SceneOptions& options = {});

}  // namespace sardonyx::inspect
