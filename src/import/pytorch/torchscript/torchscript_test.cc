// Programs as text, and which operators they become. That the results are right is for the fixtures (tests/import).
#include <gtest/gtest.h>

#include <map>

#include "import/pytorch/torchscript/import_torchscript.h"
#include "import/pytorch/torchscript/test_util.h"

namespace sardonyx::pytorch {
namespace {

// The body of M.forward(x: Tensor) with everything else around it.
std::string Module(const std::string& body, const std::string& params = "x: Tensor", const std::string& more = "") {
  std::string code = "class M(Module):\n  training : bool\n  w : Tensor\n  def forward(self: __torch__.M, " + params + ") -> Tensor:\n";
  for (size_t begin = 0; begin < body.size();) {
    const size_t end = std::min(body.find('\n', begin), body.size());
    code += "    " + body.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return code + more;
}

StatusOr<import::Imported> Import(const std::string& code, const std::vector<std::string>& inputs = {"x:float[2,3]"},
                                  bool allow_unsupported = false) {
  import::ImportOptions options;
  options.allow_unsupported = allow_unsupported;
  for (const std::string& text : inputs) {
    auto spec = import::ParseInputSpec(text);
    EXPECT_TRUE(spec.ok()) << spec.status().ToString();
    options.inputs.push_back(*spec);
  }
  return ImportTorchScript(ModuleArchive(code), options);
}

// "Add Mul" of the model's nodes in order; what went wrong instead.
std::string Operators(const std::string& code, const std::vector<std::string>& inputs = {"x:float[2,3]"}) {
  const auto imported = Import(code, inputs);
  if (!imported.ok()) return imported.status().ToString();
  if (imported->model == nullptr) return "unsupported:\n" + import::UnsupportedText(imported->report);
  std::string text;
  for (const auto& node : imported->model->graph->nodes()) text += (text.empty() ? "" : " ") + node->op_type;
  return text;
}

// A script's sizes stay open, as other inputs may have others: what depends on them becomes control flow.
TEST(TorchScript, SizesOfInputsStayOpen) {
  const struct {
    const char *body, *operators;
  } cases[] = {
      {"n = torch.size(x, 1)\nif torch.eq(n, 3):\n  y = torch.relu(x)\nelse:\n  y = torch.sigmoid(x)\nreturn y", "Shape Squeeze Equal If"},
      {"y = x\nfor i in range(torch.size(x, 0)):\n  y = torch.add(y, x)\nreturn y", "Shape Squeeze Loop"},
  };
  for (const auto& c : cases) EXPECT_EQ(Operators(Module(c.body)), c.operators) << c.body;
}

TEST(TorchScript, PackedForMobile) {
  const std::string pack = "c = ops.prepacked.linear_clamp_prepack(self.w, None, 0.0, None)\n";
  EXPECT_EQ(Operators(Module(pack + "return ops.prepacked.linear_clamp_run(x, c)")), "MatMul Clip");
}

TEST(TorchScript, WhatIsKnownLeavesNoNode) {
  const struct {
    const char *body, *operators;
  } cases[] = {
      {"return torch.add(x, self.w)", "Add"},
      {"i = 0\ny = x\nwhile torch.lt(i, 3):\n  y = torch.relu(y)\n  i = torch.add(i, 1)\nreturn y", "Relu Relu Relu"},
      {"ys = annotate(List[Tensor], [])\nfor i in range(2):\n  _ = torch.append(ys, torch.mul(x, self.w))\nreturn torch.add(ys[0], ys[1])",
       "Mul Add"},
      {"d = annotate(Dict[str, Tensor], {\"a\": x})\ntorch._set_item(d, \"b\", torch.relu(d[\"a\"]))\nreturn torch.sub(d[\"b\"], d[\"a\"])",
       "Relu Sub"},
      {"a, b, = (x, torch.relu(x))\nreturn torch.mul(a, b)", "Relu Mul"},
      {"if torch.__isnot__(None, None):\n  y = torch.relu(x)\nelse:\n  y = unchecked_cast(Tensor, x)\nreturn torch.neg(y)", "Neg"},
      {"_0 = torch.format(\"{} {}\", 1, \"a\")\nif torch.ne(_0, \"1 a\"):\n  ops.prim.RaiseException(_0)\nelse:\n  pass\nreturn "
       "torch.neg(x)",
       "Neg"},
      {"_1 = x if self.training else torch.neg(x)\nreturn _1", "Neg"},
      {"if self.training:\n  y = torch.whatever(x)\nelse:\n  y = torch.neg(x)\nreturn y", "Neg"},
      {"return torch.neg(fork(__torch__.helper, x))", "Relu Neg"},
      {"f = __torch__.helper\nreturn torch.neg(f(x, ))", "Relu Neg"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(Operators(Module(c.body, "x: Tensor", "def helper(x: Tensor) -> Tensor:\n  return torch.relu(x)\n")), c.operators) << c.body;
}

TEST(TorchScript, ListsRangesAndTextOfTheProgram) {
  const struct {
    const char *body, *operators;
  } cases[] = {
      // A list that grows in one branch is a sequence.
      {"xs = [x]\nif bool(torch.gt(torch.sum(x), 0)):\n  _0 = torch.append(xs, x)\nelse:\n  pass\nreturn torch.cat(xs)",
       "ReduceSum Greater If ConcatFromSequence"},
      {"y = x\nfor i in range(torch.__range_length(1, 6, 2)):\n  y = torch.add(y, torch.__derive_index(i, 1, 2))\nreturn y", "Add Add Add"},
      {"if torch.any([False, torch.eq(1, 1)]):\n  y = torch.neg(x)\nelse:\n  y = x\nreturn y", "Neg"},
      {"if torch.eq(torch.upper(\" a,b \"), \" A,B \"):\n  y = torch.neg(x)\nelse:\n  y = x\nreturn y", "Neg"},
      {"if torch.eq(torch.split(\"a,b\", \",\")[1], torch.strip(\" b\")):\n  y = torch.neg(x)\nelse:\n  y = x\nreturn y", "Neg"},
      {"if torch.eq(torch.replace(\"aab\", \"a\", \"c\"), \"ccb\"):\n  y = torch.neg(x)\nelse:\n  y = x\nreturn y", "Neg"},
      {"if torch.eq(ops.prim.type(ops.prim.device(x)), \"cpu\"):\n  y = torch.neg(x)\nelse:\n  y = x\nreturn y", "Neg"},
      {"b = __torch__.Box.__new__(__torch__.Box)\n_0 = (b).__init__(x, )\nreturn torch.neg(b.v)", "Neg"},
  };
  const std::string box = "class Box:\n  v : Tensor\n  def __init__(self: __torch__.Box, v: Tensor) -> NoneType:\n    self.v = v\n    return None\n";
  for (const auto& c : cases) EXPECT_EQ(Operators(Module(c.body, "x: Tensor", box)), c.operators) << c.body;
}

TEST(TorchScript, WhatDependsOnDataIsIfAndLoop) {
  EXPECT_NE(Operators(Module("if bool(torch.gt(torch.sum(x), 0)):\n  y = torch.relu(x)\nelse:\n  y = torch.neg(x)\nreturn y")).find("If"),
            std::string::npos);
  EXPECT_NE(Operators(Module("y = x\nfor i in range(n):\n  y = torch.relu(torch.add(y, i))\nreturn y", "x: Tensor, n: int"),
                      {"x:float[2,3]", "n:python_int[]"})
                .find("Loop"),
            std::string::npos);
  EXPECT_NE(
      Operators(Module("y = x\nk = 0\nwhile torch.lt(k, n):\n  y = torch.add(y, k)\n  k = torch.add(k, 1)\nreturn y", "x: Tensor, n: int"),
                {"x:float[2,3]", "n:int64"})
          .find("Loop"),
      std::string::npos);
  // A check that depends on data is taken to hold.
  EXPECT_EQ(
      Operators(Module("if torch.gt(n, 3):\n  ops.prim.RaiseException(\"no\")\nelse:\n  pass\nreturn torch.neg(x)", "x: Tensor, n: int"),
                {"x:float[2,3]", "n:int64"}),
      "Neg");
}

TEST(TorchScript, InputsAndOutputs) {
  const auto names = [](const std::vector<ir::ValueInfo>& values) {
    std::string text;
    for (const auto& value : values) text += value.value->name() + " ";
    return text;
  };
  const std::string dict = Module("return {\"s\": torch.add(f[\"a\"], f[\"b\"]), \"n\": 3}", "f: Dict[str, Tensor]");
  auto imported = Import(dict, {"f_a:float[2]", "f_b:float[2]"});
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(names(imported->model->graph->inputs()), "f_a f_b ");
  EXPECT_EQ(names(imported->model->graph->outputs()), "s n ");
  imported = Import(Module("return (torch.neg(p[0]), [p[1], k])", "p: Tuple[Tensor, Tensor], k: float"),
                    {"p_0:float[2]", "p_1:float[2]", "k:python_float[]"});
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(names(imported->model->graph->outputs()), "output_0 output_1 output_2 ");
  // By position where the name is another.
  imported = Import(Module("return torch.neg(argument_1)", "argument_1: Tensor"), {"image:float[n,3]"});
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(names(imported->model->graph->inputs()), "image ");
  EXPECT_EQ(Import(Module("return x"), {}).status().code(), StatusCode::kUsage);
  EXPECT_EQ(Import(Module("return x"), {"x:float[2]", "y:float[2]"}).status().code(), StatusCode::kUsage);
}

TEST(TorchScript, NumbersAreNotTensorsWhereTypesArePromoted) {
  const struct {
    const char* body;
    DataType dtype;
  } cases[] = {
      {"return torch.mul(i, CONSTANTS.c0)", DataType::kFloat},
      {"return torch.mul(torch.to(i, 5), CONSTANTS.c0)", DataType::kFloat16},
      {"return torch.mul(i, torch.detach(torch.to(CONSTANTS.c0, 7)))", DataType::kDouble},
  };
  for (const auto& c : cases) {
    const auto imported = Import(Module(c.body, "i: Tensor"), {"i:int64[2]"});
    ASSERT_TRUE(imported.ok()) << c.body << imported.status().ToString();
    EXPECT_EQ(imported->model->graph->outputs()[0].value->type.dtype, c.dtype) << c.body;
  }
}

TEST(TorchScript, NumbersThatTheUserStates) {
  const std::string code = Module("if torch.eq(n, 2):\n  y = torch.relu(x)\nelse:\n  y = torch.sigmoid(x)\nreturn y", "x: Tensor, n: int");
  EXPECT_EQ(Operators(code, {"x:float[2,3]", "n:int64=2"}), "Relu");
  EXPECT_EQ(Operators(code, {"x:float[2,3]", "n:int64=3"}), "Sigmoid");
  EXPECT_EQ(Import(code, {"x:float=3", "n:int64=3"}).status().code(), StatusCode::kUsage);
  for (const char* text : {"n:int64=", "n:int64=x", "n:int64[2]=3", "n:int64=3[2]"})
    EXPECT_FALSE(import::ParseInputSpec(text).ok()) << text;
}

TEST(TorchScript, OptionalsThatAreStatedAreOptionalInputs) {
  const std::string code = Module(
      "if torch.__isnot__(m, None):\n  m0 = unchecked_cast(Tensor, m)\n  y = torch.masked_fill(x, m0, 0.)\nelse:\n  y = x\nreturn torch.neg(y)",
      "x: Tensor, m: Optional[Tensor]=None");
  EXPECT_EQ(Operators(code), "Neg");  // left out, it is None
  EXPECT_EQ(Operators(code, {"x:float[2,3]", "m:bool[2,3]"}), "OptionalHasElement If Neg");
  const auto imported = Import(code, {"x:float[2,3]", "m:bool[2,3]"});
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(imported->model->graph->inputs()[1].value->type.Spelling(), "optional(tensor(bool))");
  // Numbers as well; one with a value is a constant.
  const std::string number = Module(
      "if torch.__is__(n, None):\n  y = x\nelse:\n  y = torch.mul(x, unchecked_cast(int, n))\nreturn torch.neg(y)",
      "x: Tensor, n: Optional[int]=None");
  EXPECT_EQ(Operators(number, {"x:float[2,3]", "n:int64"}), "OptionalHasElement Not If Neg");
  EXPECT_EQ(Operators(number, {"x:float[2,3]", "n:int64=3"}), "Mul Neg");
  // An operator that takes None is called either way.
  EXPECT_EQ(Operators(Module("return torch.linear(x, self.w, m)", "x: Tensor, m: Optional[Tensor]=None"), {"x:float[2,3]", "m:float[2]"}),
            "OptionalHasElement If");
  // Each by its name, whichever are stated.
  EXPECT_EQ(Operators(Module("if torch.__is__(a, None):\n  y = torch.neg(x)\nelse:\n  y = x\nif torch.__is__(b, None):\n  z = y\nelse:\n"
                             "  z = torch.add(y, unchecked_cast(Tensor, b))\nreturn z",
                             "x: Tensor, a: Optional[Tensor]=None, b: Optional[Tensor]=None"),
                      {"x:float[2,3]", "b:float[2,3]"}),
            "Neg OptionalHasElement Not If");
}

TEST(TorchScript, WhatBranchesLeaveInDifferentFormsIsMerged) {
  const struct {
    const char *body, *operators;
  } cases[] = {
      // None or a tensor: an ONNX optional, which the next branch asks.
      {"if bool(torch.gt(torch.sum(x), 0)):\n  y: Optional[Tensor] = torch.relu(x)\nelse:\n  y = None\nif torch.__is__(y, None):\n"
       "  z = torch.neg(x)\nelse:\n  z = unchecked_cast(Tensor, y)\nreturn z",
       "ReduceSum Greater If OptionalHasElement Not If"},
      // A flag that says which branch was taken is the condition: the early return of a function.
      {"if bool(torch.gt(torch.sum(x), 0)):\n  done, r = True, torch.relu(x)\nelse:\n  done, r = False, uninitialized(Tensor)\nif done:\n"
       "  z = r\nelse:\n  z = torch.neg(x)\nreturn z",
       "ReduceSum Greater If If"},
      {"d = {\"a\": x}\nif bool(torch.gt(torch.sum(x), 0)):\n  torch._set_item(d, \"a\", torch.relu(x))\nelse:\n  pass\nreturn d[\"a\"]",
       "ReduceSum Greater If"},
      {"return torch.relu(x) if bool(torch.gt(torch.sum(x), 0)) else torch.neg(x)", "ReduceSum Greater If"},
      // Asked again, a condition is known.
      {"c = bool(torch.gt(torch.sum(x), 0))\nif c:\n  if c:\n    y = torch.relu(x)\n  else:\n    y = torch.sigmoid(x)\nelse:\n  y = x\nreturn y",
       "ReduceSum Greater If"},
  };
  for (const auto& c : cases) EXPECT_EQ(Operators(Module(c.body)), c.operators) << c.body;
  // None before a loop, a tensor after its first round.
  EXPECT_EQ(Operators(Module("y = annotate(Optional[Tensor], None)\nfor i in range(torch.size(x, 0)):\n  if torch.__is__(y, None):\n"
                             "    y0 = torch.select(x, 0, i)\n  else:\n    y0 = torch.add(unchecked_cast(Tensor, y), 1)\n  y = y0\n"
                             "return unchecked_cast(Tensor, y)")),
            "Shape Squeeze Optional Loop OptionalGetElement");
}

TEST(TorchScript, WhatIsUnsupportedIsListedAtOnce) {
  const auto imported = Import(Module("a = ops.mine.first(x)\nb = ops.mine.second(a, 3)\nreturn torch.add(a, b)"));
  ASSERT_TRUE(imported.ok()) << imported.status().ToString();
  EXPECT_EQ(imported->model, nullptr);
  EXPECT_EQ(imported->report.unsupported.size(), 2u);
  const auto allowed = Import(Module("a = ops.mine.first(x)\nreturn torch.neg(a)"), {"x:float[2,3]"}, true);
  ASSERT_TRUE(allowed.ok()) << allowed.status().ToString();
  EXPECT_NE(allowed->model, nullptr);
}

TEST(TorchScript, Errors) {
  const struct {
    const char* body;
    StatusCode code;
    const char* says;
  } cases[] = {
      {"return y", StatusCode::kUnsupported, "'y' has no value"},
      {"return self.missing", StatusCode::kCorrupt, "missing"},
      {"a, b, = [x]\nreturn a", StatusCode::kUnsupported, "unpacked"},
      {"return (self).forward(x, )", StatusCode::kUnsupported, "recursion"},
      {"ops.prim.RaiseException(\"wrong size\")\nreturn x", StatusCode::kUnsupported, "wrong size"},
      {"return torch.div(1, 0)", StatusCode::kUnsupported, "zero"},
      {"return [1][3]", StatusCode::kUnsupported, "index 3"},
      {"return CONSTANTS.c1", StatusCode::kCorrupt, "c1"},
      {"return __torch__.nothing.Here(x)", StatusCode::kUnsupported, "__torch__.nothing.Here"},
      {"return torch.relu(ops.prim.ConstantMKLDNNTensor())", StatusCode::kUnsupported, "optimize_for_inference"},
      {"return torch.neg(x, 1, 2)", StatusCode::kUnsupported, "no overload"},
      {"return \"text\"", StatusCode::kUnsupported, "no tensor"},
  };
  for (const auto& c : cases) {
    const auto imported = Import(Module(c.body));
    EXPECT_EQ(imported.status().code(), c.code) << c.body << ": " << imported.status().ToString();
    EXPECT_NE(imported.status().message().find(c.says), std::string::npos) << imported.status().message();
  }
}

}  // namespace
}  // namespace sardonyx::pytorch
