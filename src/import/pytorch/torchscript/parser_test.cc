#include "import/pytorch/torchscript/parser.h"

#include <gtest/gtest.h>

namespace sardonyx::pytorch {
namespace {

// An expression as text with all brackets.
std::string Text(const Expr* expr) {
  if (expr == nullptr) return "";
  const auto list = [&](size_t from) {
    std::string text;
    for (size_t i = from; i < expr->children.size(); ++i) text += (i > from ? " " : "") + Text(expr->children[i].get());
    for (const auto& [name, value] : expr->keywords) text += " " + name + "=" + Text(value.get());
    return text;
  };
  switch (expr->kind) {
    case ExprKind::kName:
      return expr->text;
    case ExprKind::kInt:
      return std::to_string(expr->integer);
    case ExprKind::kFloat:
    case ExprKind::kComplex:
      return std::to_string(expr->number) + (expr->kind == ExprKind::kComplex ? "j" : "");
    case ExprKind::kString:
      return "'" + expr->text + "'";
    case ExprKind::kBool:
      return expr->integer ? "True" : "False";
    case ExprKind::kNone:
      return "None";
    case ExprKind::kList:
      return "[" + list(0) + "]";
    case ExprKind::kTuple:
      return "(tuple " + list(0) + ")";
    case ExprKind::kDict:
      return "{" + list(0) + "}";
    case ExprKind::kAttribute:
      return Text(expr->children[0].get()) + "." + expr->text;
    case ExprKind::kSubscript:
      return Text(expr->children[0].get()) + "[" + Text(expr->children[1].get()) + "]";
    case ExprKind::kSlice:
      return Text(expr->children[0].get()) + ":" + Text(expr->children[1].get()) + ":" + Text(expr->children[2].get());
    case ExprKind::kCall:
      return Text(expr->children[0].get()) + "(" + list(1) + ")";
    case ExprKind::kUnary:
    case ExprKind::kBinary:
      return "(" + expr->text + " " + list(0) + ")";
    case ExprKind::kTernary:
      return "(if " + list(0) + ")";
  }
  return "?";
}

TEST(Parser, Expressions) {
  const struct {
    const char *source, *expected;
  } cases[] = {
      {"1 + 2 * x", "(+ 1 (* 2 x))"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"-0.5", "-0.500000"},
      {"1.5e3", "1500.000000"},
      {".25", "0.250000"},
      {"2j", "2.000000j"},
      {"torch.add(x, y, alpha=1)", "torch.add(x y alpha=1)"},
      {"(self).helper(x, 2, )", "self.helper(x 2)"},
      {"(torch.size(y0))[0]", "torch.size(y0)[0]"},
      {"a[1:]", "a[1::]"},
      {"a[:-1:2]", "a[:-1:2]"},
      {"Dict[str, Tensor]", "Dict[(tuple str Tensor)]"},
      {"(x, k0)", "(tuple x k0)"},
      {"(x,)", "(tuple x)"},
      {"()", "(tuple )"},
      {"[y, z]", "[y z]"},
      {"{\"a\": 1, \"b\": [2]}", "{'a' 1 'b' [2]}"},
      {"a if b else c", "(if a b c)"},
      {"not a and b is not None", "(and (not a) (is not b None))"},
      {"a not in b", "(not in a b)"},
      {"2 ** -1", "(** 2 -1)"},
      {"'it\\'s\\n\\x41\\101'", "'it's\nAA'"},
      {"\"a\" \"b\"", "'ab'"},
      {"f(x)(y).z", "f(x)(y).z"},
      {"[1,\n   2]", "[1 2]"},
  };
  for (const auto& c : cases) {
    const auto file = ParseSource("def f():\n  return " + std::string(c.source) + "\n", "m");
    ASSERT_TRUE(file.ok()) << c.source << ": " << file.status().ToString();
    EXPECT_EQ(Text((*file)->functions[0]->body[0]->value.get()), c.expected) << c.source;
  }
}

TEST(Parser, ClassesAndStatements) {
  const auto file = ParseSource(R"(op_version_set = 1
import __torch__.other
class M(Module):
  __parameters__ = ["w", ]
  w : Tensor
  stride : Final[int] = 2
  __annotations__["0"] = __torch__.N
  def forward(self: __torch__.m.M,
    x: Tensor, *,
    k: int=3) -> Tuple[Tensor, int]:
    a, b, = torch.f(x)  # a comment
    c, = [1]
    self.w = a
    if k:
      pass
    elif a:
      raise ValueError
    else:
      x = b
    for i in range(3):
      while x:
        x = torch.g(x)
    with k as m:
      pass
    return (x, k)
class Empty(NamedTuple):
  pass
class Last(Module):
def free(x) -> None:
  return None
)",
                                "__torch__.m");
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_EQ((*file)->classes.size(), 3u);
  const ClassDef& m = *(*file)->classes[0];
  EXPECT_EQ(m.qualified_name, "__torch__.m.M");
  EXPECT_EQ(m.base, "Module");
  EXPECT_EQ(m.fields.size(), 4u);
  EXPECT_EQ(m.FindField("stride")->value->integer, 2);
  EXPECT_EQ(m.FindField("0")->type->DottedName(), "__torch__.N");
  const FunctionDef& forward = *m.FindMethod("forward");
  ASSERT_EQ(forward.params.size(), 3u);
  EXPECT_EQ(forward.params[2].default_value->integer, 3);
  ASSERT_EQ(forward.body.size(), 7u);
  EXPECT_TRUE(forward.body[0]->unpacks);
  EXPECT_TRUE(forward.body[1]->unpacks);
  EXPECT_EQ(forward.body[1]->targets.size(), 1u);
  EXPECT_EQ(forward.body[3]->kind, StmtKind::kIf);
  EXPECT_EQ(forward.body[3]->orelse[0]->kind, StmtKind::kIf);
  EXPECT_EQ(forward.body[4]->body[0]->kind, StmtKind::kWhile);
  EXPECT_EQ((*file)->functions[0]->name, "free");
}

TEST(Parser, Damage) {
  std::string deep = "def f():\n  return ", wide = deep + "a", blocks = "def f():\n";
  for (int i = 0; i < 5000; ++i) deep += "(", wide += " + a";
  for (int i = 1; i < 1000; ++i) blocks += std::string(static_cast<size_t>(i), ' ') + "if a:\n";
  for (const std::string& source :
       {std::string("def f(:\n  pass\n"), std::string("def f():\n  return 'a\n"), std::string("def f():\n  x = \n"),
        std::string("def f():\n    pass\n  pass\n"), std::string("class C(Module):\n  3\n"),
        std::string("def f():\n  return 99999999999999999999\n"), std::string("def f():\n  1 = x\n"), std::string("def f():\n  return $\n"),
        std::string("def f():\n  return '\\xg'\n"), deep, wide, blocks}) {
    EXPECT_EQ(ParseSource(source, "m").status().code(), StatusCode::kCorrupt) << source.substr(0, 60);
  }
}

}  // namespace
}  // namespace sardonyx::pytorch
