// Conversion of one graph with its subgraphs.
#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "optimize/version/convert_version.h"
#include "optimize/version/workspace.h"

namespace sardonyx::optimize::version {

class ScopeConverter {
 public:
  // `imports` are those that the nodes of `root` are written for: of the model or of the function whose body it is.
  ScopeConverter(ir::Model& model, std::string name, ir::Graph& root, std::vector<ir::OpsetImport>& imports,
                 const std::map<std::string, int64_t, std::less<>>& targets, VersionReport& report);

  // Converts what it can, one change of one operator at a time, and reports what it cannot. The imports are set to the
  // targets. kResource when the graph grows beyond all bounds, kInvalid if it has a cycle.
  Status Run();

 private:
  int64_t Target(std::string_view domain) const;
  void SetVersions();
  bool VisitGraph(ir::Graph& graph);
  void Step(ir::Node* node, size_t* position);
  void CheckDerived(const ir::Graph& graph);
  void Finish();

  std::string Path(const ir::Graph* graph) const;
  void Fail(const ir::Node& node, int64_t from, int64_t to, std::string reason);

  ir::Model& model_;
  std::string name_;
  std::vector<ir::OpsetImport>& imports_;
  const std::map<std::string, int64_t, std::less<>>& targets_;
  VersionReport& report_;
  Workspace workspace_;
  std::unordered_set<const ir::Node*> failed_;
};

}  // namespace sardonyx::optimize::version
