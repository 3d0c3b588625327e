// SVG of scenes.
#pragma once

#include <string>
#include <string_view>

#include "inspect/scene.h"

namespace sardonyx::inspect {

struct ScenePicture {
  double width = 0, height = 0;
  std::string body;  // elements to be put into an <svg> or <g>
};

// Lays a scene out and draws it with its upper left corner at 0, 0. Boxes are <g class="b FAMILY" data-b="INDEX">, nets
// <path class="e" data-e="INDEX">.
ScenePicture DrawScene(const Scene& scene);
// The style sheet that pictures need.
std::string_view PictureStyle();

}  // namespace sardonyx::inspect
