// The syntax of TorchScript's source: what `torch/csrc/jit/serialization/python_print.cpp` writes, and a little more.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sardonyx::pytorch {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind : uint8_t {
  kName,     // text
  kInt,      // integer
  kFloat,    // number
  kComplex,  // number, the imaginary part
  kString,   // text
  kBool,     // integer
  kNone,
  kList,       // children
  kTuple,      // children
  kDict,       // children: key, value, key, value...
  kAttribute,  // children[0] . text
  kSubscript,  // children[0] [ children[1] ]
  kSlice,      // children: begin, end, step, each may be null; only inside of a subscript
  kCall,       // children[0] ( children[1...], keywords )
  kUnary,      // text: "-", "~", "not"
  kBinary,     // text: "+", "==", "and", "is not", ...
  kTernary,    // children: value, condition, other value
};

struct Expr {
  ExprKind kind = ExprKind::kNone;
  int line = 0;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  std::vector<ExprPtr> children;
  std::vector<std::pair<std::string, ExprPtr>> keywords;

  // "a.b.c" of nested attributes of a name, else "".
  std::string DottedName() const;
};

struct Stmt;
using Block = std::vector<std::unique_ptr<Stmt>>;

enum class StmtKind : uint8_t {
  kExpr,    // value
  kAssign,  // targets = value (targets are names, attributes, subscripts); without a value a declaration
  kIf,      // value, body, orelse
  kWhile,   // value, body
  kFor,     // targets[0] in value, body
  kWith,    // value, targets (may be empty), body
  kReturn,  // value, or null
  kRaise,   // value, or null
  kPass,
};

struct Stmt {
  StmtKind kind = StmtKind::kPass;
  int line = 0;
  // Of an assignment: whether it unpacks (`a, = x`), which one target alone does not show.
  bool unpacks = false;
  std::vector<ExprPtr> targets;
  ExprPtr annotation;
  ExprPtr value;
  Block body, orelse;
};

struct ParamDef {
  std::string name;
  ExprPtr type;           // null if not said
  ExprPtr default_value;  // null if there is none
};

struct FunctionDef {
  std::string name;
  int line = 0;
  std::vector<ParamDef> params;
  ExprPtr return_type;
  Block body;
};

struct ClassDef {
  std::string name;            // "Conv2d"
  std::string qualified_name;  // "__torch__.torch.nn.modules.conv.Conv2d"
  std::string base;            // "Module", "NamedTuple", "Enum", "Interface" or ""
  struct Field {
    std::string name;
    ExprPtr type;
    ExprPtr value;  // of constants and members of enums
  };
  std::vector<Field> fields;
  std::vector<std::unique_ptr<FunctionDef>> methods;

  const FunctionDef* FindMethod(std::string_view method) const;
  const Field* FindField(std::string_view field) const;
};

// One file of the archive.
struct SourceFile {
  std::vector<std::unique_ptr<ClassDef>> classes;
  std::vector<std::unique_ptr<FunctionDef>> functions;
};

}  // namespace sardonyx::pytorch
