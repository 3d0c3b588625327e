// Status and StatusOr: how every fallible call of Sardonyx reports.
//
// The codes are those that the command line's exit codes tell apart (docs/cli.md), so an error keeps its meaning from
// the byte that caused it to the shell that sees it. The type is our own, and of the standard library only, so that
// programs that link Sardonyx never meet a second copy of a third-party library in its headers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sardonyx {

enum class StatusCode {
  kOk = 0,
  kInvalid,      // The model breaks the ONNX specification, or a comparison says no. Exit code 1.
  kUsage,        // The caller's arguments are wrong: names, dtypes, shapes, flags. Exit code 2.
  kUnsupported,  // Well-formed, but this build cannot do it. Exit code 3.
  kCorrupt,      // Unreadable, truncated or hostile bytes; a missing file. Exit code 4.
  kResource,     // Memory, disk, port, limit. Exit code 5.
  kCancelled,    // The caller asked to stop.
  kDeadline,     // The caller's time limit passed.
  kInternal,     // A defect of Sardonyx.
};

std::string_view StatusCodeName(StatusCode code);

// Success, or a code with a message. Cheap to return when ok (one null pointer).
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message);

  bool ok() const { return rep_ == nullptr; }
  StatusCode code() const { return rep_ ? rep_->code : StatusCode::kOk; }
  const std::string& message() const;

  // The same status with "context: " put before its message. Each level that knows more (file, graph path, node) adds
  // its part; an ok status stays ok.
  Status WithContext(std::string_view context) const;
  // "corrupt: model.onnx: ..."; "ok" when ok.
  std::string ToString() const;

 private:
  struct Rep {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

Status Invalid(std::string message);
Status Usage(std::string message);
Status Unsupported(std::string message);
Status Corrupt(std::string message);
Status Resource(std::string message);
Status Internal(std::string message);

// A value or the status that says why there is none. Reading the value of a failed StatusOr is a programmer's error.
template <class T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(Status status) : status_(std::move(status)) {}  // NOLINT: implicit by design, as `return Corrupt(...)`.
  template <class U = T, class = std::enable_if_t<std::is_convertible_v<U&&, T> && !std::is_same_v<std::decay_t<U>, Status> &&
                                                  !std::is_same_v<std::decay_t<U>, StatusOr>>>
  StatusOr(U&& value) : value_(std::forward<U>(value)) {}  // NOLINT: implicit by design, as `return value`.

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return std::move(*value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  StatusOr WithContext(std::string_view context) && {
    if (!ok()) status_ = status_.WithContext(context);
    return std::move(*this);
  }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace sardonyx
