#include "import/pytorch/torchscript/parser.h"

#include <array>

#include <fmt/format.h>

#include "base/status_macros.h"
#include "import/pytorch/torchscript/lexer.h"

namespace sardonyx::pytorch {

std::string Expr::DottedName() const {
  if (kind == ExprKind::kName) return text;
  if (kind != ExprKind::kAttribute) return "";
  const std::string left = children[0]->DottedName();
  return left.empty() ? "" : left + "." + text;
}

const FunctionDef* ClassDef::FindMethod(std::string_view method) const {
  for (const auto& one : methods) {
    if (one->name == method) return one.get();
  }
  return nullptr;
}

const ClassDef::Field* ClassDef::FindField(std::string_view field) const {
  for (const Field& one : fields) {
    if (one.name == field) return &one;
  }
  return nullptr;
}

namespace {

constexpr int kMaxDepth = 400;  // of expressions in expressions and blocks in blocks

// Binary operators by precedence, loosest first.
struct Level {
  std::array<std::string_view, 8> symbols;
};
constexpr Level kLevels[] = {
    {{"or"}},       {{"and"}},    {{"<", ">", "==", "!=", "<=", ">=", "is", "in"}},
    {{"|"}},        {{"^"}},      {{"&"}},
    {{"<<", ">>"}}, {{"+", "-"}}, {{"*", "/", "//", "%", "@"}},
};
constexpr size_t kCompare = 2;

class Parser {
 public:
  Parser(std::vector<Token> tokens, std::string_view module) : tokens_(std::move(tokens)), module_(module) {}

  StatusOr<std::unique_ptr<SourceFile>> File() {
    auto file = std::make_unique<SourceFile>();
    while (!AtEnd()) {
      if (IsName("class")) {
        ASSIGN_OR_RETURN(auto one, Class());
        file->classes.push_back(std::move(one));
      } else if (IsName("def")) {
        ASSIGN_OR_RETURN(auto one, Function());
        file->functions.push_back(std::move(one));
      } else {
        // Older archives say `op_version_set = 1` and `import __torch__.other`; names are looked up everywhere anyway.
        while (!AtEnd() && Peek().kind != TokenKind::kNewline) ++at_;
        if (!AtEnd()) ++at_;
      }
    }
    return file;
  }

 private:
  class Deeper {
   public:
    explicit Deeper(int* depth) : depth_(depth) { ++*depth_; }
    ~Deeper() { --*depth_; }

   private:
    int* depth_;
  };

  const Token& Peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool AtEnd() const { return Peek().kind == TokenKind::kEnd; }
  bool IsSymbol(std::string_view text) const { return Peek().kind == TokenKind::kSymbol && Peek().text == text; }
  bool IsName(std::string_view text) const { return Peek().kind == TokenKind::kName && Peek().text == text; }
  bool Skip(std::string_view text) {
    if (!IsSymbol(text) && !IsName(text)) return false;
    ++at_;
    return true;
  }
  Status Error(std::string_view what) const { return Corrupt(fmt::format("line {}: {}", Peek().line, what)); }
  Status Expect(std::string_view text) {
    return Skip(text) ? Status() : Error(fmt::format("'{}' is missing before '{}'", text, Peek().text.substr(0, 40)));
  }
  Status ExpectNewline() {
    if (AtEnd()) return {};
    if (Peek().kind != TokenKind::kNewline) return Error(fmt::format("'{}' is not expected", Peek().text.substr(0, 40)));
    ++at_;
    return {};
  }
  StatusOr<std::string> Name() {
    if (Peek().kind != TokenKind::kName) return Error("a name is missing");
    return tokens_[at_++].text;
  }
  ExprPtr Make(ExprKind kind) const {
    auto expr = std::make_unique<Expr>();
    expr->kind = kind;
    expr->line = Peek().line;
    return expr;
  }

  StatusOr<std::unique_ptr<ClassDef>> Class();
  StatusOr<std::unique_ptr<FunctionDef>> Function();
  Status ClassBody(ClassDef* made);
  StatusOr<Block> Body();
  StatusOr<std::unique_ptr<Stmt>> Statement();
  StatusOr<std::unique_ptr<Stmt>> If();
  StatusOr<std::unique_ptr<Stmt>> Assignment();
  StatusOr<ExprPtr> Expression();
  StatusOr<ExprPtr> Operators(size_t level);
  StatusOr<ExprPtr> Unary();
  StatusOr<ExprPtr> Power();
  StatusOr<ExprPtr> Postfix();
  StatusOr<ExprPtr> Atom();
  StatusOr<ExprPtr> Index();
  // Expressions up to a closing symbol, which is taken; *trailing says whether a comma stood last.
  Status List(std::string_view close, std::vector<ExprPtr>* items, bool* trailing = nullptr);
  Status Arguments(Expr* call);

  std::vector<Token> tokens_;
  std::string module_;
  size_t at_ = 0;
  int depth_ = 0;
};

StatusOr<std::unique_ptr<ClassDef>> Parser::Class() {
  RETURN_IF_ERROR(Expect("class"));
  auto made = std::make_unique<ClassDef>();
  ASSIGN_OR_RETURN(made->name, Name());
  made->qualified_name = module_ + "." + made->name;
  if (Skip("(")) {
    if (!IsSymbol(")")) {
      ASSIGN_OR_RETURN(const ExprPtr base, Expression());
      made->base = base->kind == ExprKind::kName ? base->text : base->DottedName();
    }
    RETURN_IF_ERROR(Expect(")"));
  }
  RETURN_IF_ERROR(Expect(":"));
  if (Skip("pass"))
    return ExpectNewline().ok() ? StatusOr<std::unique_ptr<ClassDef>>(std::move(made)) : Error("unexpected text after pass");
  RETURN_IF_ERROR(ExpectNewline());
  // An empty class (a type of C++'s) has no body at all.
  if (Peek().kind != TokenKind::kIndent) return made;
  ++at_;
  RETURN_IF_ERROR(ClassBody(made.get()));
  return made;
}

Status Parser::ClassBody(ClassDef* made) {
  while (Peek().kind != TokenKind::kDedent && !AtEnd()) {
    if (IsName("def")) {
      ASSIGN_OR_RETURN(auto method, Function());
      made->methods.push_back(std::move(method));
      continue;
    }
    ASSIGN_OR_RETURN(std::unique_ptr<Stmt> statement, Statement());
    if (statement->kind == StmtKind::kPass) continue;
    if (statement->kind != StmtKind::kAssign || statement->targets.size() != 1)
      return Error("a class holds something other than fields and methods");
    // Fields whose names are no names of Python's are written as annotations["0"] or __annotations__["0"].
    const Expr& target = *statement->targets[0];
    std::string name = target.text;
    if (target.kind == ExprKind::kSubscript && target.children[1]->kind == ExprKind::kString) {
      name = target.children[1]->text;
      made->fields.push_back({std::move(name), std::move(statement->value), nullptr});
      continue;
    }
    if (target.kind != ExprKind::kName) return Error("a class holds something other than fields and methods");
    made->fields.push_back({std::move(name), std::move(statement->annotation), std::move(statement->value)});
  }
  if (!AtEnd()) ++at_;
  return {};
}

StatusOr<std::unique_ptr<FunctionDef>> Parser::Function() {
  auto made = std::make_unique<FunctionDef>();
  made->line = Peek().line;
  RETURN_IF_ERROR(Expect("def"));
  ASSIGN_OR_RETURN(made->name, Name());
  RETURN_IF_ERROR(Expect("("));
  while (!Skip(")")) {
    if (Skip("*")) {  // what follows is by keyword only, which calls in archives respect
      if (!IsSymbol(")")) RETURN_IF_ERROR(Expect(","));
      continue;
    }
    ParamDef param;
    ASSIGN_OR_RETURN(param.name, Name());
    if (Skip(":")) {
      ASSIGN_OR_RETURN(param.type, Expression());
    }
    if (Skip("=")) {
      ASSIGN_OR_RETURN(param.default_value, Expression());
    }
    made->params.push_back(std::move(param));
    if (!IsSymbol(")")) RETURN_IF_ERROR(Expect(","));
  }
  if (Skip("->")) {
    ASSIGN_OR_RETURN(made->return_type, Expression());
  }
  ASSIGN_OR_RETURN(made->body, Body());
  return made;
}

// ":" and either statements on the same line or an indented block.
StatusOr<Block> Parser::Body() {
  const Deeper deeper(&depth_);
  if (depth_ > kMaxDepth) return Error("blocks are nested too deeply");
  RETURN_IF_ERROR(Expect(":"));
  Block block;
  if (Peek().kind != TokenKind::kNewline) {
    ASSIGN_OR_RETURN(auto statement, Statement());
    block.push_back(std::move(statement));
    return block;
  }
  ++at_;
  if (Peek().kind != TokenKind::kIndent) return Error("a block is missing");
  ++at_;
  while (Peek().kind != TokenKind::kDedent && !AtEnd()) {
    ASSIGN_OR_RETURN(auto statement, Statement());
    block.push_back(std::move(statement));
  }
  if (!AtEnd()) ++at_;
  return block;
}

StatusOr<std::unique_ptr<Stmt>> Parser::If() {
  auto made = std::make_unique<Stmt>();
  made->kind = StmtKind::kIf;
  made->line = Peek().line;
  ++at_;  // if, elif
  ASSIGN_OR_RETURN(made->value, Expression());
  ASSIGN_OR_RETURN(made->body, Body());
  if (IsName("elif")) {
    const Deeper deeper(&depth_);
    if (depth_ > kMaxDepth) return Error("blocks are nested too deeply");
    ASSIGN_OR_RETURN(auto other, If());
    made->orelse.push_back(std::move(other));
  } else if (Skip("else")) {
    ASSIGN_OR_RETURN(made->orelse, Body());
  }
  return made;
}

StatusOr<std::unique_ptr<Stmt>> Parser::Statement() {
  if (IsName("if")) return If();
  auto made = std::make_unique<Stmt>();
  made->line = Peek().line;
  if (Skip("while")) {
    made->kind = StmtKind::kWhile;
    ASSIGN_OR_RETURN(made->value, Expression());
    ASSIGN_OR_RETURN(made->body, Body());
    return made;
  }
  if (Skip("for")) {
    made->kind = StmtKind::kFor;
    ASSIGN_OR_RETURN(ExprPtr target, Postfix());
    made->targets.push_back(std::move(target));
    RETURN_IF_ERROR(Expect("in"));
    ASSIGN_OR_RETURN(made->value, Expression());
    ASSIGN_OR_RETURN(made->body, Body());
    return made;
  }
  if (Skip("with")) {
    made->kind = StmtKind::kWith;
    ASSIGN_OR_RETURN(made->value, Expression());
    if (Skip("as")) {
      ASSIGN_OR_RETURN(ExprPtr target, Postfix());
      made->targets.push_back(std::move(target));
    }
    ASSIGN_OR_RETURN(made->body, Body());
    return made;
  }
  if (IsName("return") || IsName("raise")) {
    made->kind = IsName("return") ? StmtKind::kReturn : StmtKind::kRaise;
    ++at_;
    if (Peek().kind != TokenKind::kNewline && !AtEnd()) {
      ASSIGN_OR_RETURN(made->value, Expression());
    }
    RETURN_IF_ERROR(ExpectNewline());
    return made;
  }
  if (Skip("pass")) {
    RETURN_IF_ERROR(ExpectNewline());
    return made;
  }
  return Assignment();
}

// target, target, = value    target : type = value    expression
StatusOr<std::unique_ptr<Stmt>> Parser::Assignment() {
  auto made = std::make_unique<Stmt>();
  made->line = Peek().line;
  made->kind = StmtKind::kAssign;
  for (;;) {
    ASSIGN_OR_RETURN(ExprPtr one, Expression());
    made->targets.push_back(std::move(one));
    if (!Skip(",")) break;
    made->unpacks = true;
    if (IsSymbol("=")) break;
  }
  if (Skip(":")) {
    ASSIGN_OR_RETURN(made->annotation, Expression());
  }
  if (Skip("=")) {
    ASSIGN_OR_RETURN(made->value, Expression());
    if (IsSymbol(",")) {  // a, b = c, d
      ExprPtr tuple = Make(ExprKind::kTuple);
      tuple->children.push_back(std::move(made->value));
      while (Skip(",") && Peek().kind != TokenKind::kNewline) {
        ASSIGN_OR_RETURN(ExprPtr item, Expression());
        tuple->children.push_back(std::move(item));
      }
      made->value = std::move(tuple);
    }
  } else if (!made->annotation) {
    if (made->targets.size() != 1) return Error("a value is missing");
    made->kind = StmtKind::kExpr;
    made->value = std::move(made->targets[0]);
    made->targets.clear();
  }
  for (const ExprPtr& target : made->targets) {
    if (target->kind != ExprKind::kName && target->kind != ExprKind::kAttribute && target->kind != ExprKind::kSubscript)
      return Error("this cannot be assigned to");
  }
  RETURN_IF_ERROR(ExpectNewline());
  return made;
}

StatusOr<ExprPtr> Parser::Expression() {
  const Deeper deeper(&depth_);
  if (depth_ > kMaxDepth) return Error("expressions are nested too deeply");
  ASSIGN_OR_RETURN(ExprPtr value, Operators(0));
  if (!IsName("if")) return value;
  ExprPtr ternary = Make(ExprKind::kTernary);
  ++at_;
  ASSIGN_OR_RETURN(ExprPtr condition, Operators(0));
  RETURN_IF_ERROR(Expect("else"));
  ASSIGN_OR_RETURN(ExprPtr other, Expression());
  ternary->children.push_back(std::move(value));
  ternary->children.push_back(std::move(condition));
  ternary->children.push_back(std::move(other));
  return ternary;
}

StatusOr<ExprPtr> Parser::Operators(size_t level) {
  if (level == std::size(kLevels)) return Unary();
  if (level == kCompare && IsName("not")) {
    ExprPtr made = Make(ExprKind::kUnary);
    made->text = "not";
    ++at_;
    const Deeper deeper(&depth_);
    if (depth_ > kMaxDepth) return Error("expressions are nested too deeply");
    ASSIGN_OR_RETURN(ExprPtr operand, Operators(level));
    made->children.push_back(std::move(operand));
    return made;
  }
  ASSIGN_OR_RETURN(ExprPtr left, Operators(level + 1));
  for (int links = 0;; ++links) {
    if (links > kMaxDepth) return Error("expressions are nested too deeply");
    const Token& token = Peek();
    if (token.kind != TokenKind::kSymbol && token.kind != TokenKind::kName) return left;
    std::string found;
    for (const std::string_view symbol : kLevels[level].symbols) {
      if (!symbol.empty() && token.text == symbol) found = symbol;
    }
    if (found.empty() && level == kCompare && token.text == "not" && Peek(1).text == "in") found = "not in", ++at_;
    if (found.empty()) return left;
    ExprPtr made = Make(ExprKind::kBinary);
    ++at_;
    if (found == "is" && Skip("not")) found = "is not";
    made->text = std::move(found);
    ASSIGN_OR_RETURN(ExprPtr right, Operators(level + 1));
    made->children.push_back(std::move(left));
    made->children.push_back(std::move(right));
    left = std::move(made);
  }
}

StatusOr<ExprPtr> Parser::Unary() {
  if (!IsSymbol("-") && !IsSymbol("~") && !IsSymbol("+")) return Power();
  const Deeper deeper(&depth_);
  if (depth_ > kMaxDepth) return Error("expressions are nested too deeply");
  ExprPtr made = Make(ExprKind::kUnary);
  made->text = tokens_[at_++].text;
  ASSIGN_OR_RETURN(ExprPtr operand, Unary());
  if (made->text == "+") return operand;
  if (made->text == "-") {  // numbers are constants at once
    if (operand->kind == ExprKind::kInt)
      return operand->integer = static_cast<int64_t>(-static_cast<uint64_t>(operand->integer)), std::move(operand);
    if (operand->kind == ExprKind::kFloat || operand->kind == ExprKind::kComplex)
      return operand->number = -operand->number, std::move(operand);
  }
  made->children.push_back(std::move(operand));
  return made;
}

StatusOr<ExprPtr> Parser::Power() {
  ASSIGN_OR_RETURN(ExprPtr base, Postfix());
  if (!IsSymbol("**")) return base;
  ExprPtr made = Make(ExprKind::kBinary);
  made->text = "**";
  ++at_;
  const Deeper deeper(&depth_);
  if (depth_ > kMaxDepth) return Error("expressions are nested too deeply");
  ASSIGN_OR_RETURN(ExprPtr exponent, Unary());
  made->children.push_back(std::move(base));
  made->children.push_back(std::move(exponent));
  return made;
}

Status Parser::List(std::string_view close, std::vector<ExprPtr>* items, bool* trailing) {
  while (!Skip(close)) {
    ASSIGN_OR_RETURN(ExprPtr item, Expression());
    items->push_back(std::move(item));
    const bool comma = Skip(",");
    if (trailing != nullptr) *trailing = comma;
    if (!comma && !IsSymbol(close)) return Expect(close);
  }
  return {};
}

Status Parser::Arguments(Expr* call) {
  while (!Skip(")")) {
    if (Peek().kind == TokenKind::kName && Peek(1).kind == TokenKind::kSymbol && Peek(1).text == "=") {
      std::string name = tokens_[at_].text;
      at_ += 2;
      ASSIGN_OR_RETURN(ExprPtr value, Expression());
      call->keywords.emplace_back(std::move(name), std::move(value));
    } else {
      ASSIGN_OR_RETURN(ExprPtr value, Expression());
      call->children.push_back(std::move(value));
    }
    if (!Skip(",") && !IsSymbol(")")) return Expect(")");
  }
  return {};
}

// What stands between brackets: an index, a slice, or several separated by commas (types do so).
StatusOr<ExprPtr> Parser::Index() {
  const auto part = [&]() -> StatusOr<ExprPtr> {
    if (IsSymbol(":") || IsSymbol("]")) return ExprPtr();
    return Expression();
  };
  ASSIGN_OR_RETURN(ExprPtr first, part());
  if (IsSymbol(":")) {
    ExprPtr slice = Make(ExprKind::kSlice);
    slice->children.push_back(std::move(first));
    while (slice->children.size() < 3 && Skip(":")) {
      ASSIGN_OR_RETURN(ExprPtr next, part());
      slice->children.push_back(std::move(next));
    }
    slice->children.resize(3);
    RETURN_IF_ERROR(Expect("]"));
    return slice;
  }
  if (!first) return Error("an index is missing");
  if (Skip("]")) return first;
  ExprPtr tuple = Make(ExprKind::kTuple);
  tuple->children.push_back(std::move(first));
  RETURN_IF_ERROR(Expect(","));
  RETURN_IF_ERROR(List("]", &tuple->children));
  return tuple;
}

StatusOr<ExprPtr> Parser::Postfix() {
  ASSIGN_OR_RETURN(ExprPtr value, Atom());
  for (int links = 0;; ++links) {
    if (links > kMaxDepth) return Error("expressions are nested too deeply");
    ExprPtr made;
    if (IsSymbol(".")) {
      made = Make(ExprKind::kAttribute);
      ++at_;
      ASSIGN_OR_RETURN(made->text, Name());
      made->children.push_back(std::move(value));
    } else if (IsSymbol("[")) {
      made = Make(ExprKind::kSubscript);
      ++at_;
      made->children.push_back(std::move(value));
      ASSIGN_OR_RETURN(ExprPtr index, Index());
      made->children.push_back(std::move(index));
    } else if (IsSymbol("(")) {
      made = Make(ExprKind::kCall);
      ++at_;
      made->children.push_back(std::move(value));
      RETURN_IF_ERROR(Arguments(made.get()));
    } else {
      return value;
    }
    value = std::move(made);
  }
}

StatusOr<ExprPtr> Parser::Atom() {
  const Token& token = Peek();
  ExprPtr made = Make(ExprKind::kNone);
  switch (token.kind) {
    case TokenKind::kName:
      made->text = token.text;
      made->kind = token.text == "None"                            ? ExprKind::kNone
                   : token.text == "True" || token.text == "False" ? ExprKind::kBool
                                                                   : ExprKind::kName;
      made->integer = token.text == "True";
      break;
    case TokenKind::kInt:
      made->kind = ExprKind::kInt;
      made->integer = token.integer;
      break;
    case TokenKind::kFloat:
    case TokenKind::kComplex:
      made->kind = token.kind == TokenKind::kFloat ? ExprKind::kFloat : ExprKind::kComplex;
      made->number = token.number;
      break;
    case TokenKind::kString:
      made->kind = ExprKind::kString;
      made->text = token.text;
      break;
    case TokenKind::kSymbol: {
      const std::string symbol = token.text;
      if (symbol != "(" && symbol != "[" && symbol != "{") return Error(fmt::format("'{}' is not expected", symbol));
      ++at_;
      if (symbol == "[") {
        made->kind = ExprKind::kList;
        RETURN_IF_ERROR(List("]", &made->children));
      } else if (symbol == "{") {
        made->kind = ExprKind::kDict;
        while (!Skip("}")) {
          for (int i = 0; i < 2; ++i) {
            ASSIGN_OR_RETURN(ExprPtr item, Expression());
            made->children.push_back(std::move(item));
            if (i == 0) RETURN_IF_ERROR(Expect(":"));
          }
          if (!Skip(",") && !IsSymbol("}")) return Expect("}");
        }
      } else {
        bool trailing = false;
        RETURN_IF_ERROR(List(")", &made->children, &trailing));
        if (made->children.size() == 1 && !trailing) return std::move(made->children[0]);
        made->kind = ExprKind::kTuple;
      }
      return made;
    }
    default:
      return Error("an expression is missing");
  }
  ++at_;
  return made;
}

}  // namespace

StatusOr<std::unique_ptr<SourceFile>> ParseSource(std::string_view source, std::string_view module) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  return Parser(std::move(tokens), module).File();
}

}  // namespace sardonyx::pytorch
