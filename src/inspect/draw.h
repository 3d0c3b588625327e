// Drawings of a model's graphs.
#pragma once

#include <string>

#include "inspect/scene.h"
#include "ir/model.h"

namespace sardonyx::inspect {

struct DrawOptions {
  SceneOptions scenes;
  bool statistics = true;  // .html: read the weights for their range and first elements
};

// Edges are labelled with what Value::type knows: call ops::InferTypes first. The main graph is drawn first; subgraphs and
// functions stand beside it, each under its title.
std::string DrawSvg(const ir::Model& model, const DrawOptions& options = {});
// For Graphviz (`dot -Tsvg`).
std::string DrawDot(const ir::Model& model, const DrawOptions& options = {});
// One page without any other file: pan, zoom, search, and all that is known of a node at a click.
std::string DrawHtml(const ir::Model& model, const DrawOptions& options = {});

}  // namespace sardonyx::inspect
